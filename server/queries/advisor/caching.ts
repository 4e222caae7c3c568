/** Whether answers should be kept instead of computed again: the same slow question, asked more often than its tables change. Pure. */
import type { Advice } from '../contract.ts';
import type { Facts } from '../statement/facts.ts';
import { duration } from './words.ts';

/** Slower calls are worth a cache; an estimate must be far above. */
const MIN_MEAN_MS = 50;
const MIN_ESTIMATED_MS = 500;
const MIN_CALLS = 5;
const MIN_REPEATED = 0.5;
const MAX_TTL_S = 3_600;
const MIN_TTL_S = 5;

export function cacheAdvice(given: {
  id: string;
  facts: Facts;
  calls: number;
  meanMs: number;
  measured: boolean;
  /** Share of calls that repeated the same values; null when unknown. */
  repeated: number | null;
  windowMs: number;
  /** Rows of its tables that changed in the window. */
  changes: number;
}): Advice | null {
  const { facts, calls, meanMs, windowMs, changes } = given;
  if (facts.kind !== 'select' || facts.written || facts.volatile || facts.tables.length === 0)
    return null;
  if (facts.blocks.some(({ locks }) => locks)) return null;
  if (meanMs < (given.measured ? MIN_MEAN_MS : MIN_ESTIMATED_MS) || calls < MIN_CALLS) return null;
  const repeated = given.repeated ?? (facts.parameters === 0 ? 1 : null);
  if (repeated === null || repeated < MIN_REPEATED) return null;
  // Between two changes the answer is the same; several calls must fall into that time.
  const betweenMs = windowMs / (changes + 1);
  const everyMs = windowMs / (calls * repeated);
  if (betweenMs < 3 * everyMs) return null;
  const ttlSeconds = Math.round(
    Math.min(MAX_TTL_S, Math.max(MIN_TTL_S, Math.min(betweenMs / 2, everyMs * 20) / 1_000)),
  );
  const hits = Math.max(
    0,
    1 - everyMs / Math.max(everyMs, Math.min(betweenMs, ttlSeconds * 1_000)),
  );
  const savedMsPerDay = Math.round(calls * repeated * hits * meanMs * (86_400_000 / windowMs));
  return {
    kind: 'cache',
    query: given.id,
    ttlSeconds,
    reason: `It takes ${duration(meanMs)} and is asked again with the same values every ${duration(everyMs)}, ${changes === 0 ? 'while its tables do not change' : `while its tables change every ${duration(betweenMs)}`}; no index makes it faster. Keep the answer for ${duration(ttlSeconds * 1_000)}.`,
    savedMsPerDay,
    statements: [given.id],
  };
}
