/**
 * Whether a series goes up or down by more than chance: Mann (1945) and Kendall (1975) on the deseasonalised series,
 * with the memory of its residuals taken out first (von Storch 1995), as a stream that remembers wanders without going
 * anywhere. The slope is Sen's (1968), with his interval.
 */

import {
  autocorrelation,
  MAX_TREND_VALUES,
  mannKendall,
  pairSlopes,
} from '../../platform/robust-trend.ts';
import { normalTwoSided } from '../../platform/special-functions.ts';
import type { Trend } from '../contract.ts';
import { movingAverage } from './season-strength.ts';

export type TrendTest = {
  direction: Trend;
  pValue: number | null;
  /** A step. */
  slope: number | null;
  lower: number | null;
  upper: number | null;
};

const ALPHA = 0.05;
const Z95 = 1.959963984540054;
const NONE: TrendTest = {
  direction: 'stable',
  pValue: null,
  slope: null,
  lower: null,
  upper: null,
};

export function testTrend(values: Float64Array, season: number): TrendTest {
  const seasonless =
    season > 1 && values.length >= 2 * season ? deseasonalise(values, season) : values;
  // The test looks at all pairs; longer series are looked at in means of neighbours.
  const width = Math.ceil(seasonless.length / MAX_TREND_VALUES);
  const y = width > 1 ? means(seasonless, width) : seasonless;
  const n = y.length;
  if (n < 3) return NONE;
  const { slope, count, at } = pairSlopes(y);
  const seen = autocorrelation(y.map((value, i) => value - slope * i))(1);
  // Of a short, detrended series it is seen too small (Kendall 1954).
  const memory = Math.min(0.98, (n * seen + 2) / (n - 4));
  const significant = n > 8 && seen > 1 / Math.sqrt(n) ? memory : 0;
  const whitened =
    significant > 0
      ? Float64Array.from(
          { length: n - 1 },
          (_, i) => ((y[i + 1] as number) - significant * (y[i] as number)) / (1 - significant),
        )
      : y;
  const { z, deviation } = mannKendall(whitened);
  const pValue = normalTwoSided(z);
  // Sen's interval, widened as the variance of the test is by memory.
  const wide = Math.sqrt((1 + significant) / (1 - Math.min(0.95, significant)));
  const half = (Z95 * deviation * wide) / 2;
  const direction = pValue < ALPHA ? (z > 0 ? 'up' : 'down') : 'stable';
  return {
    direction,
    pValue,
    slope: slope / width,
    lower: at(count / 2 - half) / width,
    upper: at(count / 2 + half) / width,
  };
}

/** Means over whole seasons at the step of the series: the season is gone, and the noise with it is kept honest. */
function deseasonalise(values: Float64Array, season: number): Float64Array {
  const level = movingAverage(values, season);
  const sums = new Float64Array(season);
  const counts = new Float64Array(season);
  for (let i = 0; i < values.length; i++) {
    const step = i % season;
    sums[step] = (sums[step] as number) + (values[i] as number) - (level[i] as number);
    counts[step] = (counts[step] as number) + 1;
  }
  return values.map(
    (value, i) => value - (sums[i % season] as number) / (counts[i % season] as number),
  );
}

function means(values: Float64Array, width: number): Float64Array {
  const out = new Float64Array(Math.floor(values.length / width));
  for (let i = 0; i < out.length; i++) {
    let sum = 0;
    for (let k = 0; k < width; k++) sum += values[i * width + k] as number;
    out[i] = sum / width;
  }
  return out;
}
