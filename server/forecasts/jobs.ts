import type { JobDefinition } from '../platform/jobs.ts';

export const REFRESH_JOB = 'forecasts.refresh';
/** One run ends before the next minute's begins. */
const RUN_SECONDS = 50;

export const forecastsJobs = (work: {
  refreshDue(signal: AbortSignal, enough?: AbortSignal): Promise<number>;
  discover(): Promise<unknown>;
}): JobDefinition[] => [
  {
    name: REFRESH_JOB,
    cron: '* * * * *',
    timeoutSeconds: RUN_SECONDS + 20,
    retryLimit: 0,
    run: async ({ signal }) => {
      await work.refreshDue(signal, AbortSignal.timeout(RUN_SECONDS * 1_000));
    },
  },
  {
    name: 'forecasts.discover',
    cron: '5,35 * * * *',
    timeoutSeconds: 120,
    retryLimit: 0,
    run: async () => {
      await work.discover();
    },
  },
];
