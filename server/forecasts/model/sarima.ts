/**
 * Seasonal ARIMA with fixed orders, fitted by conditional least squares (Box and Jenkins 1976, section 7.1) with
 * Levenberg and Marquardt's steps. Own code, as the one package on npm takes seconds for a season of 24, gives no
 * likelihood to choose orders by, and prints to the standard output.
 *
 * Polynomials stay stationary and invertible: each is made of partial autocorrelations, which are the hyperbolic
 * tangents of free parameters (Monahan 1984).
 */

export type Order = {
  p: number;
  d: number;
  q: number;
  P: number;
  D: number;
  Q: number;
  /** Steps of the season; 1 for none. */
  s: number;
  /** A mean of the differenced series: a level, or a slope where the series is differenced once. */
  mean: boolean;
};
export type Sarima = {
  order: Order;
  /** Akaike's criterion, corrected for short series; comparable among models of the same differences. */
  aicc: number;
  /** Variance of the one-step errors. */
  variance: number;
  forecast(steps: number): Float64Array;
  /** The parameters found, to start another fit from. */
  free: Float64Array;
};

const MAX_STEPS = 30;
/** Partial autocorrelations beyond are a unit root in all but name. */
const LIMIT = 0.99;

export const orderText = ({ p, d, q, P, D, Q, s, mean }: Order): string =>
  `ARIMA(${p},${d},${q})${s > 1 && P + D + Q > 0 ? `(${P},${D},${Q})${s}` : ''}${mean && d + D > 0 ? ' with drift' : ''}`;

/** (1 − B)^d (1 − B^s)^D applied; `y` loses d + sD values. */
export function difference(y: Float64Array, d: number, D: number, s: number): Float64Array {
  let out = y;
  for (let i = 0; i < D; i++) out = lagged(out, s);
  for (let i = 0; i < d; i++) out = lagged(out, 1);
  return out;
}

function lagged(y: Float64Array, lag: number): Float64Array {
  const out = new Float64Array(Math.max(0, y.length - lag));
  for (let i = 0; i < out.length; i++) out[i] = (y[i + lag] as number) - (y[i] as number);
  return out;
}

/** Fits; null when the series is too short for the order. */
export function fitSarima(y: Float64Array, order: Order, start?: Float64Array): Sarima | null {
  const { p, d, q, P, D, Q, s, mean } = order;
  const w = difference(y, d, D, s);
  const free = p + q + P + Q + (mean ? 1 : 0);
  const reach = p + s * P;
  const used = w.length - reach;
  if (used < Math.max(free + 3, 8)) return null;
  const level = mean ? average(w) : 0;
  const scale = rootMeanSquare(w, level);
  if (!(scale > 0)) return flat(y, order, level);
  const z = w.map((value) => (value - level) / scale);
  const count = z.length - reach;
  const residuals = (x: Float64Array, into: Float64Array) => run(z, shapeOf(x, order), reach, into);

  const x = new Float64Array(free);
  if (start && start.length === free) x.set(start);
  else for (let i = 0; i < p + q + P + Q; i++) x[i] = 0.1;
  let errors = new Float64Array(z.length);
  let sum = residuals(x, errors);
  let damping = 1e-2;
  const jacobian = Array.from({ length: free }, () => new Float64Array(z.length));
  let trial = new Float64Array(z.length);
  for (let step = 0; step < MAX_STEPS && free > 0; step++) {
    for (let k = 0; k < free; k++) {
      const column = jacobian[k] as Float64Array;
      const moved = x.slice();
      const by = 1e-5 * Math.max(1, Math.abs(x[k] as number));
      moved[k] = (x[k] as number) + by;
      residuals(moved, column);
      for (let t = reach; t < z.length; t++)
        column[t] = ((column[t] as number) - (errors[t] as number)) / by;
    }
    const { normal, gradient } = products(jacobian, errors, reach);
    let better = false;
    for (let attempt = 0; attempt < 6; attempt++) {
      const by = solve(normal, gradient, damping);
      if (!by) break;
      const next = x.map((value, k) => Math.max(-8, Math.min(8, value - (by[k] as number))));
      const nextSum = residuals(next, trial);
      if (nextSum < sum) {
        const gain = (sum - nextSum) / sum;
        x.set(next);
        [errors, trial] = [trial, errors];
        sum = nextSum;
        damping = Math.max(1e-9, damping / 5);
        better = gain > 1e-6;
        break;
      }
      damping *= 5;
    }
    if (!better) break;
  }
  const parameters = free + 1;
  const aicc =
    count * Math.log(Math.max((sum * scale * scale) / count, 1e-300)) +
    2 * parameters +
    (2 * parameters * (parameters + 1)) / Math.max(1, count - parameters - 1);
  const shape = shapeOf(x, order);
  return {
    order,
    aicc,
    variance: (sum / Math.max(1, count - free)) * scale * scale,
    free: x,
    forecast(steps) {
      const out = extend(z, errors, shape, steps);
      for (let i = 0; i < steps; i++) out[i] = (out[i] as number) * scale + level;
      return integrate(y, out, order);
    },
  };
}

type Term = { lag: number; weight: number };
type Shape = { ar: Term[]; ma: Term[]; mean: number };

/** Free parameters as sparse polynomials: seasonal and ordinary factors multiplied. */
function shapeOf(x: Float64Array, { p, q, P, Q, s, mean }: Order): Shape {
  let at = 0;
  const take = (count: number) => {
    at += count;
    return coefficients(x.subarray(at - count, at));
  };
  const phi = take(p);
  const theta = take(q);
  const seasonalPhi = take(P);
  const seasonalTheta = take(Q);
  return {
    ar: multiplied(phi, seasonalPhi, s),
    ma: multiplied(theta, seasonalTheta, s),
    mean: mean ? (x[at] ?? 0) : 0,
  };
}

/** Of partial autocorrelations, by Durbin and Levinson's recursion. */
function coefficients(free: Float64Array): number[] {
  let phi: number[] = [];
  for (let k = 0; k < free.length; k++) {
    const partial = LIMIT * Math.tanh(free[k] as number);
    phi = [...phi.map((value, i) => value - partial * (phi[k - 1 - i] ?? 0)), partial];
  }
  return phi;
}

/** 1 − (1 − Σ aᵢBⁱ)(1 − Σ bⱼBˢʲ), as lags with weights. */
function multiplied(a: number[], b: number[], s: number): Term[] {
  const terms = new Map<number, number>();
  const add = (lag: number, weight: number) => terms.set(lag, (terms.get(lag) ?? 0) + weight);
  for (const [i, weight] of a.entries()) add(i + 1, weight);
  for (const [j, weight] of b.entries()) {
    add((j + 1) * s, weight);
    for (const [i, inner] of a.entries()) add((j + 1) * s + i + 1, -weight * inner);
  }
  return [...terms].map(([lag, weight]) => ({ lag, weight }));
}

/** One-step errors; the sum of their squares. Errors before the first are taken as 0. */
function run(z: Float64Array, shape: Shape, reach: number, errors: Float64Array): number {
  const { ar, ma, mean } = shape;
  let sum = 0;
  errors.fill(0, 0, reach);
  for (let t = reach; t < z.length; t++) {
    let expected = mean;
    for (let i = 0; i < ar.length; i++) {
      const { lag, weight } = ar[i] as Term;
      expected += weight * ((z[t - lag] as number) - mean);
    }
    for (let i = 0; i < ma.length; i++) {
      const { lag, weight } = ma[i] as Term;
      if (t >= lag) expected -= weight * (errors[t - lag] as number);
    }
    const error = (z[t] as number) - expected;
    errors[t] = error;
    sum += error * error;
  }
  return Number.isFinite(sum) ? sum : Number.MAX_VALUE;
}

function extend(z: Float64Array, errors: Float64Array, shape: Shape, steps: number): Float64Array {
  const { ar, ma, mean } = shape;
  const n = z.length;
  const out = new Float64Array(steps);
  for (let h = 0; h < steps; h++) {
    let expected = mean;
    for (const { lag, weight } of ar) {
      const t = n + h - lag;
      expected += weight * ((t < n ? (z[t] ?? 0) : (out[t - n] ?? 0)) - mean);
    }
    for (const { lag, weight } of ma) {
      const t = n + h - lag;
      if (t < n) expected -= weight * (errors[t] ?? 0);
    }
    out[h] = expected;
  }
  return out;
}

/** Differences undone. */
function integrate(y: Float64Array, future: Float64Array, { d, D, s }: Order): Float64Array {
  const stages = [y];
  let last = y;
  for (let i = 0; i < D; i++) {
    last = lagged(last, s);
    stages.push(last);
  }
  for (let i = 0; i < d; i++) {
    last = lagged(last, 1);
    stages.push(last);
  }
  let out = future;
  for (let stage = d + D - 1; stage >= 0; stage--) {
    const base = stages[stage] as Float64Array;
    const lag = stage < D ? s : 1;
    const summed = new Float64Array(out.length);
    for (let h = 0; h < out.length; h++) {
      const before =
        h >= lag ? (summed[h - lag] as number) : (base[base.length + h - lag] as number);
      summed[h] = (out[h] as number) + before;
    }
    out = summed;
  }
  return out;
}

/** What never moves stays where it is. */
function flat(y: Float64Array, order: Order, level: number): Sarima {
  return {
    order,
    aicc: Number.NEGATIVE_INFINITY,
    variance: 0,
    free: new Float64Array(0),
    forecast: (steps) => integrate(y, new Float64Array(steps).fill(level), order),
  };
}

function products(jacobian: Float64Array[], errors: Float64Array, from: number) {
  const size = jacobian.length;
  const normal = Array.from({ length: size }, () => new Float64Array(size));
  const gradient = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    const a = jacobian[i] as Float64Array;
    for (let j = i; j < size; j++) {
      const b = jacobian[j] as Float64Array;
      let sum = 0;
      for (let t = from; t < a.length; t++) sum += (a[t] as number) * (b[t] as number);
      (normal[i] as Float64Array)[j] = sum;
      (normal[j] as Float64Array)[i] = sum;
    }
    let sum = 0;
    for (let t = from; t < a.length; t++) sum += (a[t] as number) * (errors[t] as number);
    gradient[i] = sum;
  }
  return { normal, gradient };
}

/** (N + damping · diag N) x = g by elimination; null when it has no answer. */
function solve(
  normal: Float64Array[],
  gradient: Float64Array,
  damping: number,
): Float64Array | null {
  const size = gradient.length;
  const rows = normal.map((row, i): Float64Array => {
    const copy = new Float64Array(size + 1);
    copy.set(row);
    copy[i] = (row[i] as number) * (1 + damping) + 1e-12;
    copy[size] = gradient[i] as number;
    return copy;
  });
  for (let i = 0; i < size; i++) {
    let best = i;
    for (let k = i + 1; k < size; k++)
      if (Math.abs(rows[k]?.[i] ?? 0) > Math.abs(rows[best]?.[i] ?? 0)) best = k;
    const pivot = rows[best] as Float64Array;
    rows[best] = rows[i] as Float64Array;
    rows[i] = pivot;
    const head = pivot[i] as number;
    if (!(Math.abs(head) > 1e-14)) return null;
    for (let k = 0; k < size; k++) {
      if (k === i) continue;
      const row = rows[k] as Float64Array;
      const factor = (row[i] as number) / head;
      if (factor === 0) continue;
      for (let j = i; j <= size; j++) row[j] = (row[j] as number) - factor * (pivot[j] as number);
    }
  }
  const x = new Float64Array(size);
  for (let i = 0; i < size; i++) x[i] = (rows[i]?.[size] ?? 0) / (rows[i]?.[i] ?? 1);
  return x.every(Number.isFinite) ? x : null;
}

const average = (values: Float64Array) => values.reduce((a, b) => a + b, 0) / values.length;
const rootMeanSquare = (values: Float64Array, level: number) =>
  Math.sqrt(values.reduce((sum, value) => sum + (value - level) ** 2, 0) / values.length);
