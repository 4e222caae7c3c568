'use client';

import { useMutation } from '@tanstack/react-query';
import { ArrowDownRight, CircleAlert, ShieldMinus, Waves, Wrench } from 'lucide-react';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { RelativeTime } from '../../../../../components/data/relative-time.tsx';
import { queryClient, trpc } from '../../../../../components/trpc/client.ts';
import { Button } from '../../../../../components/ui/button.tsx';
import { cx } from '../../../../../components/ui/cx.ts';
import type { TargetDetail } from '../../../../../server/health/contract.ts';

function Notice(props: { tone: 'bad' | 'warn' | 'info'; icon: ReactNode; children: ReactNode }) {
  const tones = {
    bad: 'border-bad bg-bad-soft text-bad-text',
    warn: 'border-warn bg-warn-soft text-warn-text',
    info: 'border-line-strong bg-info-soft text-info-text',
  } as const;
  return (
    <div
      className={cx(
        'mb-3 flex items-start gap-2.5 rounded-card border px-3.5 py-2.5 text-13 [&>svg]:mt-0.5 [&>svg]:size-4 [&>svg]:shrink-0',
        tones[props.tone],
      )}
    >
      {props.icon}
      <div className="flex min-w-0 flex-1 flex-wrap items-center gap-x-3 gap-y-1">
        {props.children}
      </div>
    </div>
  );
}

/** Why it is as it is, and what is held back. */
export function Notices({ target, mayAct }: { target: TargetDetail; mayAct: boolean }) {
  const reinstate = useMutation(
    trpc.health.targets.reinstate.mutationOptions({
      onSuccess: () => queryClient.invalidateQueries({ queryKey: trpc.health.targets.pathKey() }),
    }),
  );
  const troubled = target.observed === 'down' || target.observed === 'degraded';
  return (
    <>
      {troubled && target.detail ? (
        <Notice
          tone={target.observed === 'down' ? 'bad' : 'warn'}
          icon={<CircleAlert aria-hidden />}
        >
          <span>Last check: {target.detail}</span>
          {target.incidentId ? (
            <Link
              href={`/incidents/detail?id=${target.incidentId}`}
              className="font-medium underline"
            >
              Open the incident
            </Link>
          ) : null}
        </Notice>
      ) : null}
      {target.suppressionReason ? (
        <Notice tone="info" icon={<ArrowDownRight aria-hidden />}>
          <span>Alerts are held back. {target.suppressionReason}</span>
        </Notice>
      ) : null}
      {target.flapping ? (
        <Notice tone="warn" icon={<Waves aria-hidden />}>
          It goes up and down: more than a fifth of the last 21 checks changed. Its incident stays
          open until it is steady.
        </Notice>
      ) : null}
      {target.maintenance ? (
        <Notice tone="info" icon={<Wrench aria-hidden />}>
          <span>
            {target.maintenance.name}, ends <RelativeTime at={target.maintenance.until} />. Checks
            go on; alerts and remedies wait.
          </span>
          <Link href="/maintenance" className="font-medium underline">
            Windows
          </Link>
        </Notice>
      ) : null}
      {target.demotedAt ? (
        <Notice tone="warn" icon={<ShieldMinus aria-hidden />}>
          <span>
            The remedy does not help and is proposed now instead of run. {target.demotedReason}
          </span>
          {mayAct ? (
            <Button busy={reinstate.isPending} onClick={() => reinstate.mutate({ id: target.id })}>
              Run it by itself again
            </Button>
          ) : null}
        </Notice>
      ) : null}
    </>
  );
}
