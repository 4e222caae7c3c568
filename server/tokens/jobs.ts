import type { JobDefinition } from '../platform/jobs.ts';
import type { Tokens } from './service.ts';

export const tokensJobs = (tokens: Tokens): JobDefinition[] => [
  {
    name: 'tokens.rotate',
    cron: '37 2 * * *',
    timeoutSeconds: 60,
    retryLimit: 3,
    run: async () => {
      await tokens.rotateWhenDue();
    },
  },
  {
    name: 'tokens.purge',
    cron: '12 * * * *',
    timeoutSeconds: 300,
    retryLimit: 3,
    run: async () => {
      await tokens.purge();
    },
  },
];
