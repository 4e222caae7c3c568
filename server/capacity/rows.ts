/** Resources as they stand in the database, and as they are shown. */
import type { Prisma } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import {
  type Assessment,
  directions,
  notices,
  type ResourceItem,
  resourceStates,
  type Subject,
  subjectSchema,
  units,
} from './contract.ts';

export const columns = {
  id: true,
  name: true,
  kind: true,
  subject: true,
  builtInKey: true,
  unit: true,
  direction: true,
  limitGiven: true,
  limitFound: true,
  warnDays: true,
  criticalDays: true,
  incidents: true,
  paused: true,
  state: true,
  detail: true,
  value: true,
  valueAt: true,
  assessment: true,
  urgency: true,
  notice: true,
  noticeSince: true,
  wish: true,
  wishSince: true,
  metricName: true,
  aheadMinutes: true,
  failures: true,
  assessedAt: true,
  createdAt: true,
  createdBy: true,
  updatedAt: true,
} satisfies Prisma.CapacityResourceSelect;
export type Row = Prisma.CapacityResourceGetPayload<{ select: typeof columns }>;

/** Throws when an older version wrote something that is no subject any more. */
export function subjectOf(row: Pick<Row, 'subject'>): Subject {
  const parsed = subjectSchema.safeParse(row.subject);
  if (!parsed.success) throw new AppError('NOT_FOUND', 'What was measured is not known any more.');
  return parsed.data;
}
export const limitOf = (row: Pick<Row, 'limitGiven' | 'limitFound'>): number | null =>
  row.limitGiven ?? row.limitFound;
export const unitOf = (row: Pick<Row, 'unit'>) =>
  units.find((unit) => unit === row.unit) ?? ('number' as const);
export const directionOf = (row: Pick<Row, 'direction'>) =>
  directions.find((one) => one === row.direction) ?? ('upper' as const);
export const noticeOf = (text: string) => notices.find((one) => one === text) ?? ('none' as const);

export function shown(row: Row): ResourceItem {
  const limit = limitOf(row);
  const direction = directionOf(row);
  return {
    id: row.id,
    name: row.name,
    subject: subjectOf(row),
    builtIn: row.builtInKey !== null,
    unit: unitOf(row),
    direction,
    limit,
    limitFrom: row.limitGiven !== null ? 'given' : limit !== null ? 'measured' : null,
    value: row.value,
    valueAt: row.valueAt?.toISOString() ?? null,
    used:
      limit !== null && limit > 0 && row.value !== null && direction === 'upper'
        ? row.value / limit
        : null,
    state: resourceStates.find((state) => state === row.state) ?? 'waiting',
    detail: row.detail,
    // Written from this shape alone.
    assessment: row.assessment as Assessment | null,
    notice: noticeOf(row.notice),
    noticeSince: row.noticeSince?.toISOString() ?? null,
    warnDays: row.warnDays,
    criticalDays: row.criticalDays,
    incidents: row.incidents,
    metricName: row.metricName,
    aheadMinutes: row.aheadMinutes,
    paused: row.paused,
    assessedAt: row.assessedAt?.toISOString() ?? null,
  };
}
