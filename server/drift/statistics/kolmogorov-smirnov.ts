/**
 * The two-sample Kolmogorov–Smirnov test. Exact p-values count lattice paths (Hodges 1958, "The significance
 * probability of the Smirnov two-sample test"); asymptotic ones are those of the one-sample distribution at
 * n·m / (n + m), rounded, as SciPy's `asymp` has it: Marsaglia, Tsang and Wang 2003 where a matrix is small, Smirnov's
 * sum in the tail, Pelz and Good 1976 elsewhere (the choice of Simard and L'Ecuyer 2011).
 */
import { logChoose } from '../../platform/special-functions.ts';

/** Up to so many pairs of values the p-value is exact. */
export const EXACT_PAIRS = 10_000;

/** P(D ≥ d) for two samples of n and m values without ties, exactly. O(n·m). */
export function ksExact(d: number, n: number, m: number): number {
  const divisor = gcd(n, m);
  const lcm = (n / divisor) * m;
  const h = Math.round(d * lcm);
  if (h === 0) return 1;
  const stepN = m / divisor;
  const stepM = n / divisor;
  // The share of paths from (0, 0) to (i, j) that stayed within h, by the hypergeometric recursion; no number overflows.
  let row = new Float64Array(m + 1);
  for (let j = 0; j <= m; j++) row[j] = j * stepM < h ? 1 : 0;
  for (let i = 1; i <= n; i++) {
    const next = new Float64Array(m + 1);
    for (let j = 0; j <= m; j++) {
      if (Math.abs(i * stepN - j * stepM) >= h) continue;
      const left = j > 0 ? ((next[j - 1] ?? 0) * j) / (i + j) : 0;
      next[j] = ((row[j] ?? 0) * i) / (i + j) + left;
    }
    row = next;
  }
  const inside = row[m] ?? 0;
  // Near 1 the complement has lost its digits; the paths that leave are summed instead.
  return inside < 0.999 ? 1 - inside : ksExactTail(h, n, m, stepN, stepM);
}

/** The share of paths that leave the band, counted at their first exit: exact to the last digits for tiny p. */
function ksExactTail(h: number, n: number, m: number, stepN: number, stepM: number): number {
  const all = logChoose(n + m, n);
  let sum = 0;
  let row = new Float64Array(m + 1);
  const leave = (i: number, j: number, paths: number) => {
    if (paths > 0) {
      const rest = logChoose(n - i + (m - j), n - i);
      sum += Math.exp(Math.log(paths) + logChoose(i + j, i) + rest - all);
    }
  };
  for (let i = 0; i <= n; i++) {
    const next = new Float64Array(m + 1);
    for (let j = 0; j <= m; j++) {
      const start = i === 0 && j === 0;
      const up = i > 0 ? ((row[j] ?? 0) * i) / (i + j) : 0;
      const left = j > 0 ? ((next[j - 1] ?? 0) * j) / (i + j) : 0;
      const share = start ? 1 : up + left;
      if (Math.abs(i * stepN - j * stepM) >= h) leave(i, j, share);
      else next[j] = share;
    }
    row = next;
  }
  return Math.min(1, sum);
}

/** P(D ≥ d) by the one-sample distribution at the effective size n·m / (n + m). */
export function ksAsymptotic(d: number, n: number, m: number): number {
  return ksOneSample(d, Math.max(1, Math.round((n * m) / (n + m))));
}

/** P(D_n ≥ d) of the one-sample statistic. */
export function ksOneSample(d: number, n: number): number {
  if (d <= 0) return 1;
  if (d >= 1) return 0;
  const nd = n * d;
  if (nd <= 0.5) return 1;
  if (nd <= 1) {
    let product = 1;
    const t = 2 * nd - 1;
    for (let i = 1; i <= n; i++) product *= (t * i) / n;
    return 1 - product;
  }
  if (nd >= n - 1) return 2 * (1 - d) ** n;
  const ndd = nd * d;
  if (ndd > 400) return 0;
  // Both one-sided events at once are impossible, or rarer than the last digit.
  if (d >= 0.5 || ndd > (n <= 140 ? 7.24 : 2.2)) return Math.min(1, 2 * smirnov(d, n));
  if (n <= 140 || (n <= 100_000 && n * d ** 1.5 <= 1.4))
    return Math.max(0, 1 - marsagliaTsangWang(d, n));
  return Math.max(0, 1 - pelzGood(d, n));
}

/** P(D_n⁺ ≥ d), Smirnov's sum; its terms are positive, so it keeps its digits. */
function smirnov(d: number, n: number): number {
  if (n > 100_000) {
    // Maag and Dicaire 1971: the sum is too long, and the expansion is exact to 1/n².
    const ndd = n * d * d;
    return Math.exp(-((6 * n * d + 1) ** 2) / (18 * n)) * (ndd > 0 ? 1 : 0);
  }
  let sum = 0;
  const last = Math.floor(n * (1 - d));
  for (let j = 0; j <= last; j++) {
    const p = d + j / n;
    const rest = 1 - p;
    if (rest <= 0) {
      if (n - j === 0) sum += Math.exp(logChoose(n, j) + (j - 1) * Math.log(p));
      continue;
    }
    sum += Math.exp(logChoose(n, j) + (n - j) * Math.log(rest) + (j - 1) * Math.log(p));
  }
  return Math.min(1, d * sum);
}

/** P(D_n < d) as an entry of a matrix power. */
function marsagliaTsangWang(d: number, n: number): number {
  const k = Math.ceil(n * d);
  const size = 2 * k - 1;
  const h = k - n * d;
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) matrix[i * size + j] = i - j + 1 >= 0 ? 1 : 0;
  const set = (i: number, j: number, by: number) => {
    matrix[i * size + j] = (matrix[i * size + j] ?? 0) - by;
  };
  for (let i = 0; i < size; i++) {
    set(i, 0, h ** (i + 1));
    set(size - 1, i, h ** (size - i));
  }
  if (2 * h - 1 > 0) set(size - 1, 0, -((2 * h - 1) ** size));
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) {
      let factorial = 1;
      for (let g = 1; g <= i - j + 1; g++) factorial /= g;
      if (i - j + 1 > 0) matrix[i * size + j] = (matrix[i * size + j] ?? 0) * factorial;
    }
  const { values, exponent } = power(matrix, size, n);
  let result = values[(k - 1) * size + k - 1] ?? 0;
  let scale = exponent;
  for (let i = 1; i <= n; i++) {
    result *= i / n;
    if (result < 1e-140) {
      result *= 1e140;
      scale -= 140;
    }
  }
  return result * 10 ** scale;
}

/** A matrix to the n-th power with a decimal exponent beside it, so that nothing overflows. */
function power(matrix: Float64Array, size: number, n: number) {
  let result: Float64Array | null = null;
  let exponent = 0;
  let square = matrix;
  let squareExponent = 0;
  const middle = (size >> 1) * size + (size >> 1);
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) {
      result = result ? multiply(result, square, size) : square.slice();
      exponent += squareExponent;
      if ((result[middle] ?? 0) > 1e140) {
        result = result.map((value) => value * 1e-140);
        exponent += 140;
      }
    }
    if (rest === 1) break;
    square = multiply(square, square, size);
    squareExponent *= 2;
    if ((square[middle] ?? 0) > 1e140) {
      square = square.map((value) => value * 1e-140);
      squareExponent += 140;
    }
  }
  return { values: result ?? square, exponent };
}

function multiply(a: Float64Array, b: Float64Array, size: number): Float64Array {
  const out = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let k = 0; k < size; k++) {
      const factor = a[i * size + k] as number;
      if (factor === 0) continue;
      for (let j = 0; j < size; j++) {
        const at = i * size + j;
        out[at] = (out[at] as number) + factor * (b[k * size + j] as number);
      }
    }
  return out;
}

/** P(D_n < d) by the expansion in powers of 1/√n. */
function pelzGood(d: number, n: number): number {
  const z = Math.sqrt(n) * d;
  const z2 = z * z;
  const z4 = z2 * z2;
  const z6 = z4 * z2;
  const pi2 = Math.PI ** 2;
  const pi4 = pi2 * pi2;
  const pi6 = pi4 * pi2;
  const terms = Math.max(20, Math.ceil(16 * z) + 10);
  let k0 = 0;
  let k1 = 0;
  let k2 = 0;
  let k2b = 0;
  let k3 = 0;
  let k3b = 0;
  for (let i = 0; i < terms; i++) {
    const h = i + 0.5;
    const h2 = h * h;
    const h4 = h2 * h2;
    const h6 = h4 * h2;
    const e = Math.exp((-pi2 * h2) / (2 * z2));
    k0 += e;
    k1 += (pi2 * h2 - z2) * e;
    k2 += (6 * z6 + 2 * z4 + pi2 * (2 * z4 - 5 * z2) * h2 + pi4 * (1 - 2 * z2) * h4) * e;
    k3 +=
      (-30 * z6 -
        90 * z6 * z2 +
        pi2 * (135 * z4 - 96 * z6) * h2 +
        pi4 * (212 * z4 - 60 * z2) * h4 +
        pi6 * h6 * (5 - 30 * z2)) *
      e;
    if (i > 0) {
      const s2 = i * i;
      const s = Math.exp((-pi2 * s2) / (2 * z2));
      k2b += pi2 * s2 * s;
      k3b += (3 * pi2 * s2 * z2 - pi4 * s2 * s2) * s;
    }
  }
  const root = Math.sqrt(2 * Math.PI);
  const half = Math.sqrt(Math.PI / 2);
  const a0 = (k0 * root) / z;
  // Both halves of the sums over all whole numbers are equal, hence the doubled constants.
  const a1 = (k1 * 2 * half) / (6 * z4);
  const a2 = (k2 * 2 * half) / (72 * z6 * z) - (k2b * 2 * half) / (36 * z2 * z);
  const a3 = (k3 * 2 * half) / (6480 * z6 * z4) + (k3b * 2 * half) / (216 * z6);
  return a0 + a1 / Math.sqrt(n) + a2 / n + a3 / (n * Math.sqrt(n));
}

function gcd(a: number, b: number): number {
  let x = a;
  let y = b;
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}
