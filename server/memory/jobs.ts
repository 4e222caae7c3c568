import type { JobDefinition } from '../platform/jobs.ts';
import type { Memory } from './service.ts';

export const memoryJobs = (memory: Pick<Memory, 'tidy'>): JobDefinition[] => [
  {
    name: 'memory.tidy',
    cron: '*/10 * * * *',
    timeoutSeconds: 60,
    retryLimit: 1,
    run: async () => {
      await memory.tidy();
    },
  },
];
