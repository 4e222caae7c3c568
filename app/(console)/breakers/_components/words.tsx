import { StatusBadge, type StatusKind } from '../../../../components/data/status-badge.tsx';
import { formatDuration } from '../../../../components/format/duration.ts';
import type { BreakerStateName } from '../../../../server/breakers/contract.ts';

export const stateWords: Record<BreakerStateName, { kind: StatusKind; word: string }> = {
  closed: { kind: 'ok', word: 'Closed' },
  open: { kind: 'bad', word: 'Open' },
  half_open: { kind: 'warn', word: 'Half open' },
  forced_open: { kind: 'bad', word: 'Held open' },
  forced_closed: { kind: 'info', word: 'Held closed' },
};
/** What needs a person first. */
export const urgency: Record<BreakerStateName, number> = {
  open: 0,
  half_open: 1,
  forced_open: 2,
  forced_closed: 3,
  closed: 4,
};

export const BreakerState = ({ state }: { state: BreakerStateName }) => (
  <StatusBadge {...stateWords[state]} />
);

const causes: Record<string, string> = {
  start: 'New',
  failures: 'Too many calls failed',
  slow_calls: 'Too many calls were slow',
  trial_due: 'Time for trial calls',
  trial_succeeded: 'All trial calls succeeded',
  trial_failed: 'A trial call failed',
  trial_lost: 'A trial call never came back',
  alert: 'Tripped by hand',
  operator: 'Held, released or reset',
  rejoined: 'Replicas came together again',
};
export const causeWord = (cause: string): string => causes[cause] ?? cause;

export const sharingWords = {
  redis: 'shared by all replicas',
  process: 'of this process',
  away: 'of this process while Redis is away',
} as const;

/** `in 42 s`, counted by the server, whose clock may be another one than the viewer's. */
export const inSeconds = (ms: number): string =>
  `in ${formatDuration(Math.max(1, Math.ceil(ms / 1000)))}`;

export const detailHref = (name: string): string =>
  `/breakers/detail?name=${encodeURIComponent(name)}`;
