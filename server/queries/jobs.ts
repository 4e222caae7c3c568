import type { JobDefinition } from '../platform/jobs.ts';
import type { Watching } from './watching.ts';

export const queriesJobs = ({
  watching,
}: {
  watching: Pick<Watching, 'prune'>;
}): JobDefinition[] => [
  {
    name: 'queries.prune',
    cron: '41 * * * *',
    timeoutSeconds: 300,
    retryLimit: 3,
    run: async ({ now }) => {
      await watching.prune(now);
    },
  },
];
