/** What is looked at beside the distribution, and how what was found becomes a verdict. */
import type { DriftReason } from '../contract.ts';
import { chiSquare, fisherExact } from './distances.ts';
import { percent } from './words.ts';

/** A finding: how improbable by chance, whether large enough to matter, and what it says. */
export type Check = { reason: DriftReason; pValue: number; matters: boolean; sentence: string };
type Share = { hits: number; of: number };

/** A share that moves by less (or to less than three times itself, from a hundredth on) does not matter. */
const SMALLEST_MOVE = 0.05;
const SMALLEST_SHARE = 0.01;
/** Up to so many rows in all the test is exact. */
const EXACT_ROWS = 4_000;

/** Two shares; nothing when both are 0, as there is nothing to test. */
export function proportionCheck(
  reason: DriftReason,
  what: string,
  { reference, current }: { reference: Share; current: Share },
): Check[] {
  if (reference.of === 0 || current.of === 0 || reference.hits + current.hits === 0) return [];
  const before = reference.hits / reference.of;
  const after = current.hits / current.of;
  const matters =
    Math.abs(after - before) >= SMALLEST_MOVE ||
    (Math.abs(after - before) >= SMALLEST_SHARE && (after > 3 * before || before > 3 * after));
  const pValue =
    reference.of + current.of <= EXACT_ROWS
      ? fisherExact(reference.hits, reference.of, current.hits, current.of)
      : (chiSquare(
          [reference.hits, reference.of - reference.hits],
          [current.hits, current.of - current.hits],
        )?.pValue ?? 1);
  const sentence = `${percent(after)} of the ${what}; in the reference ${percent(before)}.`;
  return [{ reason, pValue, matters, sentence }];
}
