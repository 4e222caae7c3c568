/** What states of resources are called. Pure. */
import type { StatusKind } from '../../../../components/data/status-badge.tsx';
import { count } from '../../../../components/format/number.ts';
import type { ResourceItem, ResourceKind } from '../../../../server/capacity/contract.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Written here, as the contract would bring its checks into what the page loads first. */
export const resourceKinds = [
  'disk',
  'heap',
  'connections',
  'database',
  'redis',
  'saved',
] as const satisfies readonly ResourceKind[];

export const kindWords: Readonly<Record<ResourceKind, string>> = {
  disk: 'Disk',
  heap: 'Heap',
  connections: 'Connections',
  database: 'Database size',
  redis: 'Redis',
  saved: 'Saved query',
};

export function stateOf(item: Pick<ResourceItem, 'paused' | 'state' | 'notice'>): {
  kind: StatusKind;
  word: string;
} {
  if (item.paused) return { kind: 'off', word: 'Paused' };
  if (item.state === 'over') return { kind: 'bad', word: 'Over' };
  if (item.state === 'failed') return { kind: 'warn', word: 'Failed' };
  if (item.notice === 'critical') return { kind: 'bad', word: 'Critical' };
  if (item.notice === 'warn') return { kind: 'warn', word: 'Soon' };
  if (item.state === 'crossing') return { kind: 'info', word: 'Nearing' };
  if (item.state === 'unlimited') return { kind: 'unknown', word: 'No limit' };
  if (item.state === 'short' || item.state === 'waiting')
    return { kind: 'unknown', word: 'Learning' };
  return { kind: 'ok', word: 'Steady' };
}

const hours = (ms: number): string =>
  ms < HOUR_MS ? 'an hour' : count(Math.round(ms / HOUR_MS), 'hour');

/** `12–19 days`, `5–40 hours`, `over 80 days`, `now`; a dash of what has no limit or too few values. */
export function untilFull(item: Pick<ResourceItem, 'state' | 'assessment'>, now: number): string {
  if (item.state === 'over') return 'now';
  const at = item.assessment?.at;
  if (item.state !== 'crossing' || !at?.mean) return item.state === 'steady' ? 'not in sight' : '–';
  const left = (moment: string) => Math.max(0, Date.parse(moment) - now);
  const early = left(at.earliest ?? at.mean);
  const days = (ms: number) => Math.round(ms / DAY_MS);
  if (at.latest === null)
    return early < 2 * DAY_MS ? `${hours(early)} or more` : `over ${count(days(early), 'day')}`;
  const late = left(at.latest);
  if (late < 2 * DAY_MS)
    return hours(early) === hours(late)
      ? hours(late)
      : `${Math.max(1, Math.round(early / HOUR_MS))}–${hours(late)}`;
  return days(early) === days(late)
    ? count(days(late), 'day')
    : `${days(early)}–${count(days(late), 'day')}`;
}
