import type { JobDefinition } from '../platform/jobs.ts';
import type { MetricStore } from './service.ts';

export const metricsJobs = ({ compaction }: Pick<MetricStore, 'compaction'>): JobDefinition[] => [
  {
    name: 'metrics.settle',
    cron: '*/5 * * * *',
    timeoutSeconds: 280,
    retryLimit: 1,
    run: async ({ now, signal }) => {
      await compaction.settle(now, signal);
    },
  },
  {
    name: 'metrics.roll',
    cron: '11,41 * * * *',
    timeoutSeconds: 900,
    retryLimit: 1,
    run: async ({ now, signal }) => {
      await compaction.roll(now, signal);
    },
  },
  {
    name: 'metrics.prune',
    cron: '23 * * * *',
    timeoutSeconds: 300,
    retryLimit: 1,
    run: async ({ now }) => {
      await compaction.prune(now);
    },
  },
];
