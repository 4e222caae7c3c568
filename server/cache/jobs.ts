import type { JobDefinition } from '../platform/jobs.ts';
import type { Log } from '../platform/log.ts';
import type { Warmer } from './warmer.ts';

export const cacheJobs = (warmer: Warmer, log: Log): JobDefinition[] => [
  {
    name: 'cache.warm',
    // Shortly before the hour, so that values that live for minutes still do when it begins.
    cron: '58 * * * *',
    timeoutSeconds: 90,
    retryLimit: 0,
    async run({ signal }) {
      await warmer.flush();
      const asked = await warmer.warm(signal);
      const purged = await warmer.purge();
      log.info({ asked, purged }, 'cache warmed');
    },
  },
];
