import type { JobDefinition } from '../platform/jobs.ts';
import type { Loop } from './loop/service.ts';
import type { Watching } from './watching.ts';

export const queriesJobs = ({
  watching,
  loop,
}: {
  watching: Pick<Watching, 'prune'>;
  loop: Pick<Loop, 'refreshAll'>;
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
  {
    name: 'queries.advice',
    cron: '7 * * * *',
    timeoutSeconds: 1_800,
    retryLimit: 0,
    run: ({ signal }) => loop.refreshAll(signal),
  },
];
