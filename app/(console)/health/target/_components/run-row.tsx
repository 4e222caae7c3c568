'use client';

import { useMutation } from '@tanstack/react-query';
import { RelativeTime } from '../../../../../components/data/relative-time.tsx';
import { StatusBadge, type StatusKind } from '../../../../../components/data/status-badge.tsx';
import { formatDuration } from '../../../../../components/format/duration.ts';
import { queryClient, trpc } from '../../../../../components/trpc/client.ts';
import { failureOf } from '../../../../../components/trpc/errors.ts';
import { Button } from '../../../../../components/ui/button.tsx';
import { toast } from '../../../../../components/ui/toast.tsx';
import type { RunItem } from '../../../../../server/health/contract.ts';

const statuses: Record<string, { kind: StatusKind; word: string }> = {
  awaiting_approval: { kind: 'warn', word: 'Waits for approval' },
  running: { kind: 'info', word: 'Running' },
  verifying: { kind: 'info', word: 'Verifying' },
  verified: { kind: 'ok', word: 'Verified' },
  failed: { kind: 'bad', word: 'Did not help' },
  rejected: { kind: 'off', word: 'Rejected' },
  cancelled: { kind: 'off', word: 'Stopped' },
  expired: { kind: 'off', word: 'Expired' },
};

/** One run, with the decision that it waits for. */
export function RunRow({ run, mayAct }: { run: RunItem; mayAct: boolean }) {
  const options = {
    onSuccess: () => queryClient.invalidateQueries({ queryKey: trpc.health.pathKey() }),
    onError: (error: unknown) => toast('bad', failureOf(error).message),
  };
  const approve = useMutation(trpc.health.remedies.approve.mutationOptions(options));
  const reject = useMutation(trpc.health.remedies.reject.mutationOptions(options));
  const stop = useMutation(trpc.health.remedies.stop.mutationOptions(options));
  const status = statuses[run.status] ?? { kind: 'unknown', word: run.status };
  const by =
    run.trigger === 'automatic'
      ? 'by itself'
      : run.decidedBy
        ? `${run.trigger === 'manual' ? 'by' : 'decided by'} ${run.decidedBy}`
        : '';
  return (
    <li className="border-t px-3.5 py-2.5 text-13">
      <div className="flex flex-wrap items-center gap-2">
        <StatusBadge {...status} />
        <span>{run.attempt === null ? 'By hand' : `Attempt ${run.attempt}`}</span>
        <span className="text-muted">
          <RelativeTime at={run.startedAt ?? run.createdAt} /> {by}
        </span>
        {run.recoveredAfterMs === null ? null : (
          <span className="text-muted tabular-nums">
            up again after {formatDuration(run.recoveredAfterMs / 1000)}
          </span>
        )}
        {mayAct && run.status === 'awaiting_approval' ? (
          <span className="ml-auto flex gap-2">
            <Button busy={reject.isPending} onClick={() => reject.mutate({ id: run.id })}>
              Reject
            </Button>
            <Button
              look="primary"
              busy={approve.isPending}
              onClick={() => approve.mutate({ id: run.id })}
            >
              Approve
            </Button>
          </span>
        ) : null}
        {mayAct && run.status === 'running' ? (
          <Button
            className="ml-auto"
            busy={stop.isPending}
            onClick={() => stop.mutate({ id: run.id })}
          >
            Stop
          </Button>
        ) : null}
      </div>
      {run.detail ? <p className="mt-1 break-words text-muted">{run.detail}</p> : null}
      {run.output ? (
        <details className="mt-1">
          <summary className="cursor-pointer text-12 text-muted">Output</summary>
          <pre className="mt-1 max-h-48 overflow-auto whitespace-pre-wrap break-words rounded-control border bg-raised p-2 font-mono text-12">
            {run.output}
          </pre>
        </details>
      ) : null}
    </li>
  );
}
