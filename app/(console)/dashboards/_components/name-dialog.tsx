'use client';

import { useMutation } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { type FormEvent, useState } from 'react';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input } from '../../../../components/ui/input.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { DashboardItem } from '../../../../server/dashboards/contract.ts';

/** A new dashboard gets its name and is opened for arranging; another one gets another name. */
export default function NameDialog(props: { dashboard: DashboardItem | null; onClose(): void }) {
  const { dashboard, onClose } = props;
  const router = useRouter();
  const [name, setName] = useState(dashboard?.name ?? '');
  const [touched, setTouched] = useState(false);
  const save = useMutation({
    mutationFn: async () => {
      if (!dashboard) return (await api.dashboards.create.mutate({ name })).id;
      await api.dashboards.update.mutate({ id: dashboard.id, version: dashboard.version, name });
      return null;
    },
    onSuccess: async (made) => {
      await queryClient.invalidateQueries({ queryKey: trpc.dashboards.pathKey() });
      onClose();
      if (made) router.push(`/dashboards/view?id=${made}&edit=true`);
      else toast('ok', `It is called ${name.trim()} now.`);
    },
  });
  const failure = save.error ? failureOf(save.error) : null;
  const fault = failure
    ? (failure.fields[0]?.message ?? failure.message)
    : touched && !name.trim()
      ? 'Give it a name'
      : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTouched(true);
    if (name.trim()) save.mutate();
  };
  return (
    <Dialog
      open
      title={dashboard ? `Rename ${dashboard.name}` : 'Create dashboard'}
      onOpenChange={onClose}
    >
      <form noValidate onSubmit={submit} className="grid gap-4">
        <Field label="Name" error={fault}>
          {(control) => (
            <Input
              {...control}
              value={name}
              maxLength={100}
              autoComplete="off"
              onChange={({ target }) => {
                save.reset();
                setName(target.value);
              }}
            />
          )}
        </Field>
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={save.isPending}>
            {dashboard ? 'Rename' : 'Create dashboard'}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
