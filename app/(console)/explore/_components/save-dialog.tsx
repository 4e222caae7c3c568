'use client';

import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input } from '../../../../components/ui/input.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { Query } from '../../../../server/metrics/contract.ts';

/** Keeps a query under a name; or gives the kept one another name. */
export default function SaveDialog(props: {
  query: Query;
  rename?: { id: string; name: string };
  onClose(): void;
}) {
  const { query, rename, onClose } = props;
  const [name, setName] = useState(rename?.name ?? '');
  const [touched, setTouched] = useState(false);
  const save = useMutation({
    mutationFn: () =>
      rename
        ? api.metrics.saved.update.mutate({ id: rename.id, name })
        : api.metrics.saved.create.mutate({ name, query }),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: trpc.metrics.saved.list.pathKey() });
      toast('ok', `${name.trim()} is saved.`);
      onClose();
    },
  });
  const failure = save.error ? failureOf(save.error) : null;
  const fault =
    failure?.fields.find(({ path }) => path === 'name')?.message ??
    (touched && !name.trim() ? 'Give it a name' : undefined);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTouched(true);
    if (name.trim()) save.mutate();
  };
  return (
    <Dialog
      open
      title={rename ? `Rename ${rename.name}` : 'Save query'}
      description="Everybody who may look here can open it."
      onOpenChange={onClose}
    >
      <form noValidate onSubmit={submit} className="grid gap-4">
        <Field
          label="Name"
          error={fault ?? (failure && failure.fields.length === 0 ? failure.message : undefined)}
        >
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
            {rename ? 'Rename' : 'Save query'}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
