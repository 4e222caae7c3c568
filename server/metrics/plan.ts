/**
 * What a query reads: which days from raw samples, which from minutes or hours. Pure.
 *
 * Roll-ups answer for days that are over, settled and wholly asked for, when the step is made of whole hours or
 * minutes: the answer is the same. Questions that need every value (percentiles, distinct, histogram) take raw samples
 * while these are kept and few enough. Older days can only be answered by roll-ups, which may raise the step.
 */
import type { Span } from './execute.ts';
import { DAY_MS } from './samples.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** More raw samples than this are not read for percentiles where roll-ups can answer. */
export const MANY_SAMPLES = 8_000_000;

export type PlanInput = {
  fromMs: number;
  toMs: number;
  stepMs: number | null;
  nowMs: number;
  keepDays: { raw: number; minute: number; hour: number };
  /** Days whose roll-ups are missing or out of date. */
  unrolled: ReadonlySet<number>;
  needsValues: boolean;
  /** Raw samples are the only answer: filters on values, distinct. */
  rawOnly: 'filters' | 'aggregations' | null;
  /** About so many raw samples lie in the range. */
  rawSamples: number;
};
export type Plan = {
  stepMs: number | null;
  raw: Span[];
  rollups: { day: number; level: 'minute' | 'hour' }[];
  notes: string[];
};

export function plan(input: PlanInput): Plan | { path: string; message: string } {
  const { fromMs, toMs, nowMs, keepDays } = input;
  const today = Math.floor(nowMs / DAY_MS);
  const firstRaw = today - keepDays.raw;
  const firstMinute = today - keepDays.minute;
  const firstHour = today - keepDays.hour;
  const notes: string[] = [];
  let { stepMs } = input;
  const firstDay = Math.max(Math.floor(fromMs / DAY_MS), firstHour - 31);
  const lastDay = Math.floor((toMs - 1) / DAY_MS);
  if (input.rawOnly && firstDay < firstRaw) {
    return {
      path: input.rawOnly,
      message: `Needs raw samples, which are kept ${keepDays.raw} days; choose a shorter time range`,
    };
  }
  if (Math.floor(fromMs / DAY_MS) < firstHour) {
    notes.push(`Samples are kept ${keepDays.hour} days; the range begins before that.`);
  }
  const coarsest = firstDay < firstMinute ? HOUR_MS : firstDay < firstRaw ? MINUTE_MS : 0;
  if (coarsest > 0 && stepMs !== null && stepMs % coarsest !== 0) {
    stepMs = Math.ceil(stepMs / coarsest) * coarsest;
    notes.push(
      `The step was raised to ${coarsest === HOUR_MS ? `${stepMs / HOUR_MS} h` : `${stepMs / MINUTE_MS} min`}: older days are kept by the ${coarsest === HOUR_MS ? 'hour' : 'minute'}.`,
    );
  }
  const fine: 'minute' | 'hour' | null =
    stepMs === null || stepMs % HOUR_MS === 0 ? 'hour' : stepMs % MINUTE_MS === 0 ? 'minute' : null;
  const keepRaw = input.needsValues && input.rawSamples <= MANY_SAMPLES;
  const raw: Span[] = [];
  const rollups: Plan['rollups'] = [];
  for (let day = firstDay; day <= lastDay; day++) {
    const span = { from: Math.max(fromMs, day * DAY_MS), to: Math.min(toMs, (day + 1) * DAY_MS) };
    const whole = span.from === day * DAY_MS && span.to === (day + 1) * DAY_MS;
    const old = day < firstRaw;
    if (old) {
      const level = day < firstMinute ? 'hour' : whole && fine === 'hour' ? 'hour' : 'minute';
      rollups.push({ day, level });
    } else if (!keepRaw && !input.rawOnly && whole && fine && !input.unrolled.has(day)) {
      rollups.push({ day, level: fine });
    } else {
      const before = raw.at(-1);
      if (before && before.to === span.from) before.to = span.to;
      else raw.push(span);
    }
  }
  return { stepMs, raw, rollups, notes };
}
