import type { JobDefinition } from '../platform/jobs.ts';
import type { Sessions } from './service.ts';

export const sessionsJobs = (sessions: Sessions): JobDefinition[] => [
  {
    name: 'sessions.purge',
    cron: '23 3 * * *',
    timeoutSeconds: 120,
    retryLimit: 3,
    run: async () => {
      await sessions.purge();
    },
  },
];
