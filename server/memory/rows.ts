/** What the database holds of this module, and what people are shown of it. */
import { z } from 'zod';
import type { Prisma } from '../platform/db/index.ts';
import {
  type ExaminationItem,
  type FindingItem,
  type MemoryPolicy,
  type ProcessItem,
  policySchema,
  type Trend,
} from './contract.ts';
import { type Level, type Point, thin } from './trend.ts';

const PRESENT_MS = 3 * 60_000;
const SHOWN_POINTS = 60;

export const processSelect = {
  id: true,
  name: true,
  instance: true,
  kind: true,
  version: true,
  node: true,
  startedAt: true,
  lastSeenAt: true,
  policy: true,
  points: true,
  levels: true,
  trend: true,
  heapBytes: true,
  limitBytes: true,
  rssBytes: true,
  freeBytes: true,
  verdict: true,
  suspectedAt: true,
  growingAt: true,
} satisfies Prisma.MemoryProcessSelect;
export type ProcessRow = Prisma.MemoryProcessGetPayload<{ select: typeof processSelect }>;

export const examinationSelect = {
  id: true,
  kind: true,
  status: true,
  askedAt: true,
  askedBy: true,
  reason: true,
  startedAt: true,
  doneAt: true,
  seconds: true,
  pauseMs: true,
  analysisMs: true,
  fileBytes: true,
  heapBytes: true,
  note: true,
  functions: true,
  growth: true,
  largest: true,
  comparedAt: true,
} satisfies Prisma.MemoryExaminationSelect;
type ExaminationRow = Prisma.MemoryExaminationGetPayload<{ select: typeof examinationSelect }>;

export const findingSelect = {
  id: true,
  processId: true,
  name: true,
  instance: true,
  version: true,
  status: true,
  openedAt: true,
  resolvedAt: true,
  sentence: true,
  slopeBytesPerHour: true,
  growthRatio: true,
  pValue: true,
  incidentId: true,
  functions: true,
  classes: true,
} satisfies Prisma.MemoryFindingSelect;
type FindingRow = Prisma.MemoryFindingGetPayload<{ select: typeof findingSelect }>;

const pairs = z.array(z.tuple([z.number(), z.number()]));
export const pointsOf = (json: unknown): Point[] => pairs.catch([]).parse(json);
export const levelsOf = (json: unknown): Level[] => pairs.catch([]).parse(json);
export const policyOf = (json: unknown): MemoryPolicy =>
  policySchema.catch(policySchema.parse({})).parse(json);
// Trends, shares and steps are written by this module alone, from values of exactly these types.
export const trendOf = (json: unknown): Trend => json as Trend;
export const functionsOf = (json: unknown) => json as ExaminationItem['functions'];
export const growthOf = (json: unknown) => json as ExaminationItem['growth'];
export const largestOf = (json: unknown) => json as ExaminationItem['largest'];
export const stepsOf = (json: unknown) => json as { at: string; what: string }[];

export function toProcess(
  row: ProcessRow,
  given: { now: Date; findingId: string | null; examination: ProcessItem['examination'] },
): ProcessItem {
  const points = pointsOf(row.points);
  const from = points[0]?.[0] ?? 0;
  const to = points.at(-1)?.[0] ?? 0;
  const iso = (at: number) => new Date(at).toISOString();
  return {
    id: row.id,
    name: row.name,
    instance: row.instance,
    kind: row.kind as ProcessItem['kind'], // a CHECK of the table
    version: row.version,
    node: row.node,
    startedAt: row.startedAt.toISOString(),
    lastSeenAt: row.lastSeenAt.toISOString(),
    present: given.now.getTime() - row.lastSeenAt.getTime() < PRESENT_MS,
    heapBytes: Number(row.heapBytes),
    limitBytes: Number(row.limitBytes),
    rssBytes: Number(row.rssBytes),
    freeBytes: Number(row.freeBytes),
    collectedBytes: points.at(-1)?.[1] ?? null,
    verdict: row.verdict as ProcessItem['verdict'], // a CHECK of the table
    suspectedAt: row.suspectedAt?.toISOString() ?? null,
    trend: trendOf(row.trend),
    policy: policyOf(row.policy),
    recent: (points.length > SHOWN_POINTS ? thin(points, from, to, SHOWN_POINTS) : points).map(
      ([at, bytes]) => ({ at: iso(at), bytes }),
    ),
    findingId: given.findingId,
    examination: given.examination,
  };
}

const number = (value: bigint | null) => (value === null ? null : Number(value));

export function toExamination(row: ExaminationRow): ExaminationItem {
  return {
    id: row.id,
    kind: row.kind as ExaminationItem['kind'], // a CHECK of the table
    status: row.status as ExaminationItem['status'], // a CHECK of the table
    askedAt: row.askedAt.toISOString(),
    askedBy: row.askedBy,
    reason: row.reason,
    doneAt: row.doneAt?.toISOString() ?? null,
    seconds: row.seconds,
    pauseMs: row.pauseMs,
    analysisMs: row.analysisMs,
    fileBytes: number(row.fileBytes),
    heapBytes: number(row.heapBytes),
    note: row.note,
    functions: functionsOf(row.functions),
    growth: growthOf(row.growth),
    largest: largestOf(row.largest),
    comparedWith: row.comparedAt?.toISOString() ?? null,
  };
}

export function toFinding(row: FindingRow): FindingItem {
  return {
    ...row,
    status: row.status as FindingItem['status'], // a CHECK of the table
    openedAt: row.openedAt.toISOString(),
    resolvedAt: row.resolvedAt?.toISOString() ?? null,
    slopeBytesPerHour: Number(row.slopeBytesPerHour),
    functions: functionsOf(row.functions),
    classes: growthOf(row.classes),
  };
}
