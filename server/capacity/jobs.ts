import type { JobDefinition } from '../platform/jobs.ts';
import type { Capacity } from './service.ts';

export const capacityJobs = ({ run }: Pick<Capacity, 'run'>): JobDefinition[] => [
  {
    name: 'capacity.assess',
    cron: '*/5 * * * *',
    timeoutSeconds: 280,
    retryLimit: 0,
    run: ({ signal }) => run(signal),
  },
];
