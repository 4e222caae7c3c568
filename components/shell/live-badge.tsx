'use client';

import { Pause, Play, Radio, WifiOff } from 'lucide-react';
import { formatClock } from '../format/time.ts';
import { useLiveStatus } from '../live/hooks.ts';
import { type LiveState, live } from '../live/stream.ts';
import { Button } from '../ui/button.tsx';
import { cx } from '../ui/cx.ts';

const looks: Record<LiveState, string> = {
  connecting: 'text-muted',
  live: 'text-ok-text',
  stale: 'text-warn-text',
  paused: 'text-info-text',
};

function words(state: LiveState, since: number | null): string {
  const at = since === null ? '' : formatClock(since);
  if (state === 'stale') return at ? `stale since ${at}` : 'not connected';
  if (state === 'paused') return `paused at ${at}`;
  return state;
}

/** Whether what is on screen is the present, and the way to hold it still. */
export function LiveBadge() {
  const { state, since } = useLiveStatus();
  const paused = state === 'paused';
  const Icon = state === 'stale' ? WifiOff : Radio;
  const Action = paused ? Play : Pause;
  return (
    <div className="flex items-center">
      <span
        role="status"
        className={cx('flex items-center gap-1.5 text-12 tabular-nums', looks[state])}
      >
        <Icon aria-hidden className="size-3.5" />
        <span className={state === 'live' ? 'max-sm:sr-only' : undefined}>
          {words(state, since)}
        </span>
      </span>
      <Button
        look="ghost"
        size="icon"
        aria-label={paused ? 'Resume live figures' : 'Pause live figures'}
        title={paused ? 'Resume live figures' : 'Pause live figures'}
        onClick={() => live.setPaused(!paused)}
      >
        <Action aria-hidden className="size-3.5" />
      </Button>
    </div>
  );
}
