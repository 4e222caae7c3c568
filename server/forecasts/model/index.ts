/** Forecasts, in a worker thread: fitting takes tenths of a second. */
import { AppError } from '../../platform/errors.ts';
import type { Workers } from '../../platform/workers/index.ts';
import type { Forecast } from '../contract.ts';
import type { Computed } from './compute.ts';

const COMPUTE = new URL('./compute.ts', import.meta.url);
/** A forecast that takes longer is cut off; it stops looking for better ones well before. */
const TIMEOUT_MS = 5_000;

export type Forecaster = {
  /** @throws BAD_REQUEST when the series has fewer than three values; SERVICE_UNAVAILABLE when it takes too long. */
  forecast(
    input: {
      series: readonly { at: number | null; value: number | null }[];
      /** Steps ahead. */
      horizon: number;
      /** In steps; absent: found. */
      seasonality?: readonly number[];
      bounds?: { min?: number | undefined; max?: number | undefined };
    },
    options?: { timeoutMs?: number; signal?: AbortSignal },
  ): Promise<Forecast>;
};

export function createForecaster({ workers }: { workers: Workers }): Forecaster {
  return {
    async forecast(input, { timeoutMs = TIMEOUT_MS, signal } = {}) {
      const computed = await workers.run<Computed>(COMPUTE, 'forecastTask', input, {
        timeoutMs,
        ...(signal ? { signal } : {}),
      });
      if ('forecast' in computed) return computed.forecast;
      throw new AppError('BAD_REQUEST', computed.tooShort, {
        fields: [{ path: 'series', message: computed.tooShort }],
      });
    },
  };
}
