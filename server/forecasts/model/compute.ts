/** Entry of the worker threads: one forecast. */
import { performance } from 'node:perf_hooks';
import type { Forecast } from '../contract.ts';
import { type ForecastInput, forecastSeries, TooShort } from './forecast.ts';

export type Computed = { forecast: Forecast } | { tooShort: string };

export function forecastTask(input: ForecastInput): Computed {
  const began = performance.now();
  try {
    return { forecast: forecastSeries(input, { elapsed: () => performance.now() - began }) };
  } catch (error) {
    if (error instanceof TooShort) return { tooShort: error.message };
    throw error;
  }
}
