import type { JobDefinition } from '../platform/jobs.ts';
import type { Log } from '../platform/log.ts';
import type { Breakers } from './service.ts';

export const breakersJobs = (breakers: Breakers, log: Log): JobDefinition[] => [
  {
    name: 'breakers.purge',
    cron: '41 3 * * *',
    timeoutSeconds: 300,
    retryLimit: 3,
    run: async ({ now }) => {
      const removed = await breakers.purge(now);
      if (removed > 0) log.info({ removed }, 'old changes of breakers were removed');
    },
  },
];
