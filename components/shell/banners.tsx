'use client';

import { useQuery } from '@tanstack/react-query';
import { DatabaseZap, Pause, ShieldOff, Unplug } from 'lucide-react';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { formatClock } from '../format/time.ts';
import { useLiveStatus, useOutages } from '../live/hooks.ts';
import { live } from '../live/stream.ts';
import { trpc } from '../trpc/client.ts';
import { Button } from '../ui/button.tsx';
import { cx } from '../ui/cx.ts';

function Banner(props: { tone: 'bad' | 'warn' | 'info'; icon: ReactNode; children: ReactNode }) {
  const tones = {
    bad: 'bg-bad-soft text-bad-text',
    warn: 'bg-warn-soft text-warn-text',
    info: 'bg-info-soft text-info-text',
  } as const;
  return (
    <div
      className={cx(
        'flex min-h-9 items-center gap-2.5 border-b px-4 py-1.5 text-13 md:px-6 [&_svg]:size-4 [&_svg]:shrink-0',
        tones[props.tone],
      )}
    >
      {props.icon}
      <p className="flex flex-1 flex-wrap items-center gap-x-3">{props.children}</p>
    </div>
  );
}

/** What is degraded or held still, and the way out of it. */
export function Banners() {
  const { database, redis } = useOutages();
  const { state, since } = useLiveStatus();
  const control = useQuery(trpc.health.control.queryOptions(undefined, { retry: false })).data;
  return (
    <div aria-live="polite">
      {database !== null ? (
        <Banner tone="bad" icon={<DatabaseZap aria-hidden />}>
          PostgreSQL is unreachable since {formatClock(database)}. The console recovers by itself.
        </Banner>
      ) : null}
      {redis !== null ? (
        <Banner tone="warn" icon={<Unplug aria-hidden />}>
          Redis is unreachable since {formatClock(redis)}. State is kept in this process until it is
          back.
        </Banner>
      ) : null}
      {state === 'stale' && since !== null ? (
        <Banner tone="warn" icon={<Unplug aria-hidden />}>
          The console does not answer; figures are from {formatClock(since)}. It is tried again by
          itself.
        </Banner>
      ) : null}
      {control?.frozen ? (
        <Banner tone="warn" icon={<ShieldOff aria-hidden />}>
          <span>
            Healing is paused for the whole fleet{control.by ? ` by ${control.by}` : ''}
            {control.reason ? `: ${control.reason}` : ''}. Checks and alerts go on.
          </span>
          <Link href="/health" className="font-medium underline">
            Resume on Health
          </Link>
        </Banner>
      ) : null}
      {state === 'paused' ? (
        <Banner tone="info" icon={<Pause aria-hidden />}>
          Live figures are paused.
          <Button onClick={() => live.setPaused(false)}>Resume</Button>
        </Banner>
      ) : null}
    </div>
  );
}
