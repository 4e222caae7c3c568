/** Models that need no search. */

/** The last season again; with a season of 1 the last value. The floor that every model must beat. */
export function seasonalNaive(y: Float64Array, season: number, steps: number): Float64Array {
  const s = Math.min(Math.max(1, season), y.length);
  return Float64Array.from({ length: steps }, (_, h) => y[y.length - s + (h % s)] as number);
}

/**
 * Theta (Assimakopoulos and Nikolopoulos 2000) in the form of Hyndman and Billah 2003: exponential smoothing with half
 * the slope of the straight line as drift.
 */
export function theta(y: Float64Array, steps: number): Float64Array {
  const n = y.length;
  let best = { sum: Number.POSITIVE_INFINITY, alpha: 0.5, level: y[n - 1] as number };
  for (let alpha = 0.05; alpha < 1; alpha += 0.05) {
    let level = y[0] as number;
    let sum = 0;
    for (let i = 1; i < n; i++) {
      const error = (y[i] as number) - level;
      sum += error * error;
      level += alpha * error;
    }
    if (sum < best.sum) best = { sum, alpha, level };
  }
  const middle = (n - 1) / 2;
  let product = 0;
  let squares = 0;
  for (let i = 0; i < n; i++) {
    product += (i - middle) * (y[i] as number);
    squares += (i - middle) ** 2;
  }
  const drift = squares > 0 ? product / squares / 2 : 0;
  const lead = (1 - (1 - best.alpha) ** n) / best.alpha;
  return Float64Array.from({ length: steps }, (_, h) => best.level + drift * (h + lead));
}

/** At each step the middle one. */
export function median(forecasts: readonly Float64Array[]): Float64Array {
  const [first] = forecasts;
  if (!first) return new Float64Array(0);
  return first.map((_, h) => {
    const at = forecasts.map((forecast) => forecast[h] as number).sort((a, b) => a - b);
    const middle = at.length >> 1;
    return at.length % 2 === 1
      ? (at[middle] as number)
      : ((at[middle - 1] as number) + (at[middle] as number)) / 2;
  });
}
