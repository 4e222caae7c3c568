/** A value as it lies in Redis, and when it is time for a new one. */
export type Envelope = {
  value: unknown;
  /** When its load began, in Redis' stead: milliseconds since 1970. */
  loadedAtMs: number;
  /** How long the load took. */
  tookMs: number;
  /** What each tag's version was when the load began. */
  versions: readonly string[];
};

export function encode({ value, loadedAtMs, tookMs, versions }: Envelope): string {
  return JSON.stringify({
    a: Math.round(loadedAtMs),
    t: Math.round(tookMs),
    n: versions,
    v: value ?? null,
  });
}

/** Null when it is not what `encode` wrote. */
export function decode(text: string): Envelope | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null) return null;
  if (!('v' in parsed && 'a' in parsed && 't' in parsed && 'n' in parsed)) return null;
  const { v: value, a: loadedAtMs, t: tookMs, n: versions } = parsed;
  if (typeof loadedAtMs !== 'number' || typeof tookMs !== 'number') return null;
  if (!Array.isArray(versions) || !versions.every((each) => typeof each === 'string')) return null;
  return { value, loadedAtMs, tookMs, versions };
}

const BETA = 1;
/** From when on an early refresh is thought about: beyond this the chance of one is below e⁻¹⁰. */
export const earlyMs = (tookMs: number): number => 10 * BETA * tookMs;

/**
 * XFetch (Vattani, Chierichetti, Lowenstein: Optimal probabilistic cache stampede prevention, 2015): the nearer the end
 * and the dearer the load, the likelier one caller fetches anew before it is due. `random` lies in (0, 1].
 */
export function refreshEarly(options: { leftMs: number; tookMs: number; random: number }): boolean {
  return -options.tookMs * BETA * Math.log(options.random) >= options.leftMs;
}
