/** What the database keeps of monitors and runs, and what is shown of it. Pure but for the types. */
import { z } from 'zod';
import type { Prisma } from '../../platform/db/index.ts';
import { AppError } from '../../platform/errors.ts';
import type { FeatureDrift } from '../contract.ts';
import {
  type DriftWindow,
  type MonitorItem,
  type MonitorState,
  monitorStates,
  type RunItem,
  type RunVerdict,
  runVerdicts,
  type Season,
  seasons,
} from './contract.ts';

export const monitorColumns = {
  id: true,
  name: true,
  modelId: true,
  referenceId: true,
  features: true,
  windowKind: true,
  windowSize: true,
  windowStep: true,
  graceSeconds: true,
  minimumRows: true,
  alpha: true,
  season: true,
  consecutive: true,
  quietAfter: true,
  severity: true,
  mutedUntil: true,
  paused: true,
  state: true,
  detail: true,
  since: true,
  driftedRuns: true,
  quietRuns: true,
  lastEnd: true,
  nextAt: true,
  lastRunAt: true,
  createdAt: true,
  createdBy: true,
  model: { select: { name: true } },
  reference: { select: { name: true } },
} satisfies Prisma.DriftMonitorSelect;
export type MonitorRow = Prisma.DriftMonitorGetPayload<{ select: typeof monitorColumns }>;

export const runColumns = {
  id: true,
  monitorId: true,
  windowStart: true,
  windowEnd: true,
  at: true,
  verdict: true,
  detail: true,
  byHand: true,
  referenceRows: true,
  currentRows: true,
  drifted: true,
  features: true,
  tookMs: true,
} satisfies Prisma.DriftRunSelect;
type RunRow = Prisma.DriftRunGetPayload<{ select: typeof runColumns }>;

export const noMonitor = () => new AppError('NOT_FOUND', 'There is no such monitor.');
/** Of its incidents. */
export const SOURCE = 'drift';
export const incidentKey = (monitorId: string): string => `${SOURCE}:${monitorId}`;

export const seasonOf = (text: string): Season =>
  seasons.find((season) => season === text) ?? 'none';
export const verdictOf = (text: string): RunVerdict =>
  runVerdicts.find((one) => one === text) ?? 'failed';
export const stateOf = ({ state }: { state: string }): MonitorState =>
  monitorStates.find((one) => one === state) ?? 'new';
export const windowOf = (
  row: Pick<MonitorRow, 'windowKind' | 'windowSize' | 'windowStep'>,
): DriftWindow => ({
  kind: row.windowKind === 'rows' ? 'rows' : 'time',
  size: row.windowSize,
  step: row.windowStep,
});

/** What an operator chose. */
export function settingsOf(row: MonitorRow) {
  const { driftedRuns, quietRuns, state, detail, since, lastEnd, nextAt, lastRunAt, ...settings } =
    row;
  return settings;
}
/** Whether a run that began with one of them still says something of the other. */
export const sameSettings = (a: MonitorRow, b: MonitorRow): boolean =>
  JSON.stringify(settingsOf(a)) === JSON.stringify(settingsOf(b));

export const toMonitor = (
  row: MonitorRow,
  strip: readonly { window_end: Date; verdict: string }[],
): MonitorItem => ({
  id: row.id,
  name: row.name,
  modelId: row.modelId,
  modelName: row.model.name,
  referenceId: row.referenceId,
  referenceName: row.reference?.name ?? null,
  features: row.features,
  window: windowOf(row),
  graceSeconds: row.graceSeconds,
  minimumRows: row.minimumRows,
  alpha: row.alpha,
  season: seasonOf(row.season),
  consecutive: row.consecutive,
  quietAfter: row.quietAfter,
  severity: row.severity,
  mutedUntil: row.mutedUntil?.toISOString() ?? null,
  paused: row.paused,
  state: stateOf(row),
  detail: row.detail,
  since: row.since?.toISOString() ?? null,
  nextAt: row.paused ? null : (row.nextAt?.toISOString() ?? null),
  lastRunAt: row.lastRunAt?.toISOString() ?? null,
  strip: strip.map(({ window_end, verdict }) => ({
    at: window_end.toISOString(),
    verdict: verdictOf(verdict),
  })),
  createdAt: row.createdAt.toISOString(),
  createdBy: row.createdBy,
});

export const toRun = (row: RunRow): RunItem => ({
  id: row.id,
  monitorId: row.monitorId,
  from: row.windowStart.toISOString(),
  to: row.windowEnd.toISOString(),
  at: row.at.toISOString(),
  verdict: verdictOf(row.verdict),
  detail: row.detail,
  byHand: row.byHand,
  referenceRows: row.referenceRows,
  currentRows: row.currentRows,
  drifted: row.drifted,
  features: row.features,
  tookMs: row.tookMs,
});

/** Written by this module alone, as the comparison answered it. */
export const storedFeature = z.custom<FeatureDrift>(
  (value) =>
    typeof value === 'object' && value !== null && 'reasons' in value && 'summary' in value,
);
