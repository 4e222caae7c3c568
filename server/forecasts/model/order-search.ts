/**
 * Orders of a seasonal ARIMA: differences by tests, the rest by Akaike's corrected criterion over a small fixed grid,
 * walked from its middle (Hyndman and Khandakar 2008, stepwise) and cut off by a deadline.
 */

import { difference, fitSarima, type Order, type Sarima } from './sarima.ts';
import { seasonalStrength } from './season-strength.ts';

const MAX_P = 3;
const MAX_Q = 3;
const MAX_SEASONAL = 1;
/** KPSS 1992, level stationarity, 5 %. */
const KPSS_CRITICAL = 0.463;
/** A season that explains less of the variance than this is modelled without seasonal differences (Wang et al. 2006). */
const SEASONAL_STRENGTH = 0.64;

export function searchOrder(y: Float64Array, s: number, expired: () => boolean): Sarima | null {
  const D = s > 1 && y.length >= 3 * s && seasonalStrength(y, s) > SEASONAL_STRENGTH ? 1 : 0;
  let w = difference(y, 0, D, s);
  let d = 0;
  while (d < (D > 0 ? 1 : 2) && w.length > 12 && kpss(w) > KPSS_CRITICAL) {
    w = difference(w, 1, 0, 1);
    d++;
  }
  const seasonal = s > 1 && y.length >= 2 * s + 12;
  const base = { d, D: seasonal ? D : 0, s: seasonal ? s : 1 };
  const tried = new Map<string, Sarima | null>();
  let best: Sarima | null = null;
  const attempt = (order: Order): boolean => {
    const { p, q, P, Q, mean } = order;
    if (p < 0 || q < 0 || P < 0 || Q < 0) return false;
    if (p > MAX_P || q > MAX_Q || P > MAX_SEASONAL || Q > MAX_SEASONAL) return false;
    if (!seasonal && P + Q > 0) return false;
    if (mean && d + base.D > 1) return false;
    const key = [p, q, P, Q, mean].join();
    if (tried.has(key) || expired()) return false;
    const fitted = fitSarima(y, order);
    tried.set(key, fitted);
    if (!fitted || (best && !(fitted.aicc < best.aicc))) return false;
    best = fitted;
    return true;
  };
  const mean = d + base.D === 0;
  const starts = seasonal
    ? [
        [1, 1, 0, 1],
        [2, 2, 1, 1],
        [0, 0, 0, 0],
        [1, 0, 1, 0],
        [0, 1, 0, 1],
        [1, 0, 0, 1],
      ]
    : [
        [2, 2, 0, 0],
        [0, 0, 0, 0],
        [1, 0, 0, 0],
        [0, 1, 0, 0],
      ];
  for (const [p = 0, q = 0, P = 0, Q = 0] of starts) attempt({ ...base, p, q, P, Q, mean });
  for (let moved = true; moved && !expired(); ) {
    moved = false;
    const at: Order | undefined = (best as Sarima | null)?.order;
    if (!at) break;
    const { p, q, P, Q } = at;
    const around = [
      { P: P + 1 },
      { P: P - 1 },
      { Q: Q + 1 },
      { Q: Q - 1 },
      { p: p + 1 },
      { p: p - 1 },
      { q: q + 1 },
      { q: q - 1 },
      { p: p + 1, q: q + 1 },
      { p: p - 1, q: q - 1 },
      { P: P + 1, Q: Q + 1 },
      { P: P - 1, Q: Q - 1 },
      { mean: !at.mean },
    ];
    for (const change of around)
      if (attempt({ ...at, ...change })) {
        moved = true;
        break;
      }
  }
  return best;
}

/** The statistic of Kwiatkowski, Phillips, Schmidt and Shin 1992 around a level, Bartlett's window. */
function kpss(y: Float64Array): number {
  const n = y.length;
  const mean = y.reduce((a, b) => a + b, 0) / n;
  const e = y.map((value) => value - mean);
  let partial = 0;
  let eta = 0;
  for (let i = 0; i < n; i++) {
    partial += e[i] as number;
    eta += partial * partial;
  }
  const lags = Math.floor((3 * Math.sqrt(n)) / 13) || 1;
  let variance = e.reduce((sum, value) => sum + value * value, 0) / n;
  if (!(variance > 0)) return 0;
  for (let lag = 1; lag <= lags; lag++) {
    let product = 0;
    for (let i = lag; i < n; i++) product += (e[i] as number) * (e[i - lag] as number);
    variance += (2 * (1 - lag / (lags + 1)) * product) / n;
  }
  return variance > 0 ? eta / (n * n * variance) : 0;
}
