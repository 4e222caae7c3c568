'use client';

import { useMutation } from '@tanstack/react-query';
import { useEffect } from 'react';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { api } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { SourceItem } from '../../../../server/sources/contract.ts';
import type { SourceAction } from './row-menu.tsx';
import { refreshSources } from './use-sources.ts';

function Test({ source, onClose }: { source: SourceItem; onClose(): void }) {
  const { mutate, data, error, isPending } = useMutation({
    mutationFn: (id: string) => api.sources.test.mutate({ id }),
  });
  useEffect(() => mutate(source.id), [mutate, source.id]);
  return (
    <Dialog
      open
      title={`Test ${source.name}`}
      description="It is asked once, now. Nothing of the answer is kept."
      onOpenChange={onClose}
    >
      <div aria-live="polite" className="mb-4 grid min-h-16 content-start gap-2 text-13">
        {data ? (
          <>
            <span>
              <StatusBadge kind={data.ok ? 'ok' : 'bad'} word={data.ok ? 'Good' : 'Failed'} />
            </span>
            <p className="break-words">{data.detail}</p>
            {data.faults.length > 0 ? (
              <ul className="list-disc pl-4 text-muted">
                {data.faults.map((fault) => (
                  <li key={fault} className="break-words">
                    {fault}
                  </li>
                ))}
              </ul>
            ) : null}
          </>
        ) : error ? (
          <p role="alert" className="text-bad-text">
            {failureOf(error).message}
          </p>
        ) : (
          <Skeleton className="h-10" />
        )}
      </div>
      <div className="flex justify-end gap-2">
        <Button busy={isPending} onClick={() => mutate(source.id)}>
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
    verb: 'Pause source',
    done: 'is paused.',
    consequence: 'It is not read or asked until somebody resumes it. What was kept stays.',
  },
  resume: {
    title: 'Resume',
    verb: 'Resume source',
    done: 'goes on.',
    consequence: 'It is read or asked again from now on.',
  },
  remove: {
    title: 'Remove',
    verb: 'Remove source',
    done: 'is removed.',
    consequence:
      'It is not read or asked any more, and its credentials are deleted. Samples that were kept stay until they expire; queries that name it fail.',
  },
} as const;

export default function ActionDialog(props: {
  action: Exclude<SourceAction, 'edit'>;
  source: SourceItem;
  onClose(): void;
}) {
  const { action, source, onClose } = props;
  const change = useMutation({
    mutationFn: async () => {
      if (action === 'remove') await api.sources.remove.mutate({ id: source.id });
      else await api.sources.update.mutate({ id: source.id, paused: action === 'pause' });
    },
    onSuccess: async () => {
      await refreshSources();
      if (action !== 'test') toast('ok', `${source.name} ${words[action].done}`);
      onClose();
    },
  });
  if (action === 'test') return <Test source={source} onClose={onClose} />;
  const { title, verb, consequence } = words[action];
  return (
    <Confirm
      title={`${title} ${source.name}`}
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
