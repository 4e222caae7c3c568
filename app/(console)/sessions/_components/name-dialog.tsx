'use client';

import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input } from '../../../../components/ui/input.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import { renameSchema } from '../../../../server/users/contract.ts';

export default function NameDialog(props: { name: string; onClose(): void }) {
  const [name, setName] = useState(props.name);
  const [fault, setFault] = useState<string>();
  const rename = useMutation(
    trpc.users.rename.mutationOptions({
      onSuccess: async () => {
        await queryClient.invalidateQueries({ queryKey: trpc.users.me.pathKey() });
        toast('ok', 'Your name is changed.');
        props.onClose();
      },
      onError: (error) => setFault(failureOf(error).message),
    }),
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const parsed = renameSchema.safeParse({ name });
    if (parsed.success) rename.mutate(parsed.data);
    else setFault(parsed.error.issues[0]?.message);
  };
  return (
    <Dialog open title="Change your name" onOpenChange={props.onClose}>
      <form noValidate onSubmit={submit} className="grid gap-4">
        <Field label="Name" error={fault} help="Shown in the audit log from now on.">
          {(control) => (
            <Input
              {...control}
              value={name}
              autoComplete="name"
              onChange={({ target }) => setName(target.value)}
            />
          )}
        </Field>
        <div className="flex justify-end gap-2">
          <Button onClick={props.onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={rename.isPending}>
            Change name
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
