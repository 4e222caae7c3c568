import type { JobDefinition } from '../platform/jobs.ts';
import type { Policies } from './service.ts';

export const policiesJobs = (policies: Policies): JobDefinition[] => [
  {
    name: 'policies.purge',
    cron: '41 3 * * *',
    timeoutSeconds: 120,
    retryLimit: 3,
    run: async () => {
      await policies.purge();
    },
  },
];
