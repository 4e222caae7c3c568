'use client';

import { useMutation } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useEffect } from 'react';
import { api } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { DatabaseItem } from '../../../../server/queries/contract.ts';
import type { DatabaseAction } from './row-menu.tsx';
import { TestResult } from './test-result.tsx';
import { refreshDatabases } from './use-databases.ts';

function Test({ database, onClose }: { database: DatabaseItem; onClose(): void }) {
  const { mutate, data, error, isPending } = useMutation({
    mutationFn: (id: string) => api.queries.databases.test.mutate({ id }),
  });
  useEffect(() => mutate(database.id), [mutate, database.id]);
  return (
    <Dialog
      open
      title={`Test ${database.name}`}
      description="Connects once, now, and looks at rights and settings. Nothing is kept."
      onOpenChange={onClose}
    >
      <div aria-live="polite" className="mb-4 grid min-h-16 content-start gap-2 text-13">
        {data ? (
          <TestResult result={data} />
        ) : error ? (
          <p role="alert" className="text-bad-text">
            {failureOf(error).message}
          </p>
        ) : (
          <Skeleton className="h-10" />
        )}
      </div>
      <div className="flex justify-end gap-2">
        <Button busy={isPending} onClick={() => mutate(database.id)}>
          Test again
        </Button>
        <Button look="primary" onClick={onClose}>
          Close
        </Button>
      </div>
    </Dialog>
  );
}

const words = {
  pause: {
    title: 'Pause',
    verb: 'Pause database',
    done: 'is paused.',
    consequence: 'It is not looked at until somebody resumes it. What was counted stays.',
  },
  resume: {
    title: 'Resume',
    verb: 'Resume database',
    done: 'is looked at again.',
    consequence: 'It is looked at once a minute again. What ran meanwhile is not counted.',
  },
  remove: {
    title: 'Remove',
    verb: 'Remove database',
    done: 'is removed.',
    consequence:
      'Its URL, its statements, their history and all advice are deleted. Nothing changes in the database itself.',
  },
} as const;

export default function ActionDialog(props: {
  action: Exclude<DatabaseAction, 'edit'>;
  database: DatabaseItem;
  onClose(): void;
}) {
  const { action, database, onClose } = props;
  const router = useRouter();
  const change = useMutation({
    mutationFn: async () => {
      const { id } = database;
      if (action === 'remove') await api.queries.databases.remove.mutate({ id });
      else await api.queries.databases.update.mutate({ id, paused: action === 'pause' });
    },
    onSuccess: async () => {
      // A page of what is gone would only say so.
      if (action === 'remove') router.replace('/databases');
      await refreshDatabases();
      if (action !== 'test') toast('ok', `${database.name} ${words[action].done}`);
      onClose();
    },
  });
  if (action === 'test') return <Test database={database} onClose={onClose} />;
  const { title, verb, consequence } = words[action];
  return (
    <Confirm
      title={`${title} ${database.name}`}
      consequence={consequence}
      verb={verb}
      danger={action === 'remove'}
      busy={change.isPending}
      error={change.error}
      onConfirm={() => change.mutate()}
      onClose={onClose}
    />
  );
}
