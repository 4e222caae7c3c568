import type { JobDefinition } from '../platform/jobs.ts';
import type { Keys } from './service.ts';

export const keysJobs = (keys: Pick<Keys, 'run'>): JobDefinition[] => [
  {
    name: 'keys.rotation',
    cron: '* * * * *',
    timeoutSeconds: 50,
    retryLimit: 0,
    run: async () => {
      await keys.run();
    },
  },
];
