/** What is done about a leak, in which order, and what forbids it. Pure. */
import type { ExaminationKind, FindingItem, MemoryPolicy, Trend } from './contract.ts';

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SNAPSHOT_HEADROOM = 16;
/** Measured: 44 ms a megabyte of plain objects, 180 ms a megabyte of many small ones; the worse is assumed. */
const PAUSE_MS_PER_MIB = 180;
/** What nobody asked for may stop a process that nothing stands in for by this much at most. */
const AUTOMATIC_PAUSE_MS = 10_000;
/** A restart that would gain a day or more can wait for a person. */
const RESTART_WITHIN_MS = DAY_MS;
/** The share of its limit that a heap may fill. */
const USABLE = 0.9;
/** A process that takes an examination up and says nothing more. */
export const ANSWER_WITHIN_MS = 20 * 60_000;

export const mib = (bytes: number): string => {
  const value = bytes / MIB;
  return `${value >= 10 || value < 0.05 ? Math.round(value) : value.toFixed(1)} MiB`;
};
export const pauseMs = (heapBytes: number): number => (heapBytes / MIB) * PAUSE_MS_PER_MIB;

export type Figures = { heapBytes: number; freeBytes: number };

/** Why a snapshot must not be taken; null when it may. */
export function snapshotRefusal(given: {
  figures: Figures;
  now: number;
  /** When one of a program of this name was finished last. */
  lastAt: number | null;
  /** Some process of any name takes one, or was asked to. */
  anotherRuns: boolean;
  automatic: boolean;
  /** Another replica takes its requests meanwhile. */
  standIn: boolean;
}): string | null {
  const { heapBytes, freeBytes } = given.figures;
  const needed = heapBytes * SNAPSHOT_HEADROOM;
  if (freeBytes < needed) {
    return `A snapshot needs ${SNAPSHOT_HEADROOM} times the heap, ${mib(needed)}; ${mib(freeBytes)} are free.`;
  }
  if (given.anotherRuns) return 'Another process takes a snapshot; only one may at a time.';
  if (given.lastAt !== null && given.now - given.lastAt < DAY_MS) {
    return 'There has been one of this program within a day; it may be taken once a day.';
  }
  const pause = pauseMs(heapBytes);
  if (given.automatic && !given.standIn && pause > AUTOMATIC_PAUSE_MS) {
    return `It could stop the process for ${Math.round(pause / 1000)} s and nothing stands in for it; a person may ask for it.`;
  }
  return null;
}

/** Why a restart must not be begun; null when it may. */
export function restartRefusal(given: {
  kind: 'console' | 'program';
  now: number;
  /** When any replica was restarted last. */
  lastAt: number | null;
}): string | null {
  if (given.kind !== 'console') return 'Only processes of the console restart themselves.';
  if (given.lastAt !== null && given.now - given.lastAt < HOUR_MS) {
    return 'A process of the console was restarted within the hour; it may be done once an hour.';
  }
  return null;
}

/** How long until the heap meets its limit at this pace; infinite when it does not grow. */
export function msToLimit(trend: Trend, limitBytes: number): number {
  const slope = trend.slopeBytesPerHour ?? 0;
  if (slope <= 0) return Number.POSITIVE_INFINITY;
  return (Math.max(0, limitBytes * USABLE - (trend.toBytes ?? 0)) / slope) * HOUR_MS;
}

export type Step = 'relieve' | Exclude<ExaminationKind, 'profile'>;

/** The next thing to be done about an open finding: drop caches, look closer, start anew. Each is tried once. */
export function nextStep(given: {
  kind: 'console' | 'program';
  now: number;
  policy: MemoryPolicy;
  openedAt: number;
  relievedAt: number | null;
  /** A snapshot was asked for or refused. */
  snapshotTried: boolean;
  restartTried: boolean;
  mayRestart: boolean;
  msToLimit: number;
}): Step | null {
  const confirmMs = given.policy.confirmSeconds * 1000;
  if (given.kind === 'console' && given.relievedAt === null) return 'relieve';
  const since = given.now - (given.relievedAt ?? given.openedAt);
  if (!given.snapshotTried && since >= confirmMs / 2) return 'snapshot';
  if (given.kind !== 'console' || !given.mayRestart || given.restartTried) return null;
  return since >= 2 * confirmMs && given.msToLimit < RESTART_WITHIN_MS ? 'restart' : null;
}

/** What is said of a leak in one sentence. */
export function sentenceOf(
  { name, instance }: { name: string; instance: string },
  trend: Trend,
  policy: MemoryPolicy,
): string {
  const pace = trend.slopeBytesPerHour ?? 0;
  const over = policy.windowSeconds;
  const span =
    over % 3_600 === 0 ? `${over / 3_600} h` : over % 60 === 0 ? `${over / 60} min` : `${over} s`;
  return `${name} on ${instance} keeps ${mib(pace)} more an hour (${percent(trend.growthRatio ?? 0)} over the last ${span}), and full collections give nothing back.`;
}

const percent = (ratio: number) => `${Math.round(ratio * 1000) / 10} %`;

/** The names that a person should look for, in words; null when none are known. */
export function suspectsOf(found: Pick<FindingItem, 'classes' | 'functions'>): string | null {
  const [first] = found.classes;
  const [maker] = found.functions;
  const parts = [
    first ? `${first.name} (${first.before} → ${first.after} objects)` : null,
    maker
      ? `allocated in ${maker.name}${maker.file === '' ? '' : ` (${maker.file}:${maker.line})`}`
      : null,
  ].filter((part) => part !== null);
  return parts.length > 0 ? parts.join(', ') : null;
}
