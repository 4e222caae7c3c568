'use client';

import { formatInstant, formatRelative } from '../format/time.ts';
import { useNow } from '../live/use-now.ts';

/** `3 m ago`, with the absolute time on hover. */
export function RelativeTime({ at }: { at: string }) {
  const now = useNow();
  return (
    <time
      dateTime={at}
      title={now === null ? undefined : formatInstant(at)}
      className="tabular-nums"
    >
      {now === null ? '' : formatRelative(at, now)}
    </time>
  );
}
