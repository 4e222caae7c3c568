import type { JobDefinition } from '../platform/jobs.ts';
import type { Drift } from './service.ts';

export const driftJobs = ({ monitors }: Pick<Drift, 'monitors'>): JobDefinition[] => [
  {
    name: 'drift.run',
    cron: '* * * * *',
    timeoutSeconds: 600,
    // What is due stays due: the next minute tries again.
    retryLimit: 0,
    run: async ({ now, signal }) => {
      await monitors.tick(now, signal);
    },
  },
  {
    name: 'drift.prune',
    cron: '37 3 * * *',
    timeoutSeconds: 600,
    retryLimit: 3,
    run: async ({ now, signal }) => {
      await monitors.prune(now, signal);
    },
  },
];
