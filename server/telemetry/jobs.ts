import type { JobDefinition } from '../platform/jobs.ts';
import type { Log } from '../platform/log.ts';
import type { Telemetry } from './service.ts';

export const telemetryJobs = (telemetry: Telemetry, log: Log): JobDefinition[] => [
  {
    name: 'telemetry.prune',
    cron: '23 * * * *',
    timeoutSeconds: 300,
    retryLimit: 3,
    run: async ({ now }) => {
      const gone = await telemetry.events.prune(now);
      if (gone.length > 0) log.info({ gone }, 'old events were dropped');
    },
  },
];
