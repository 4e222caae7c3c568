import type { JobDefinition } from '../platform/jobs.ts';
import type { Log } from '../platform/log.ts';
import type { Models } from './service.ts';

export const modelsJobs = (models: Models, log: Log): JobDefinition[] => [
  {
    name: 'models.judge',
    cron: '*/5 * * * *',
    timeoutSeconds: 280,
    retryLimit: 0,
    run: async ({ now, signal }) => {
      await models.judge.run(now, signal);
    },
  },
  {
    name: 'models.prune',
    cron: '51 * * * *',
    timeoutSeconds: 1_800,
    retryLimit: 3,
    run: async ({ now }) => {
      const gone = await models.prune(now);
      if (gone.rows + gone.partitions > 0) log.info(gone, 'old predictions were dropped');
    },
  },
];
