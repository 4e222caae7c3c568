import type { JobDefinition } from '../platform/jobs.ts';
import type { Notify } from './service.ts';

export const notifyJobs = ({ deliveries }: Pick<Notify, 'deliveries'>): JobDefinition[] => [
  {
    name: 'notify.purge',
    cron: '17 3 * * *',
    timeoutSeconds: 300,
    retryLimit: 3,
    run: async ({ signal }) => {
      await deliveries.purge(signal);
    },
  },
];
