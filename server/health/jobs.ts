import type { JobDefinition } from '../platform/jobs.ts';
import type { Log } from '../platform/log.ts';
import type { Health } from './service.ts';

export const healthJobs = (
  health: Pick<Health, 'history' | 'report'>,
  log: Log,
): JobDefinition[] => {
  let last: string | null = null;
  return [
    {
      name: 'health.rollup',
      cron: '2,32 * * * *',
      timeoutSeconds: 600,
      retryLimit: 3,
      run: async ({ now, signal }) => {
        await health.history.rollUp(now, signal);
      },
    },
    {
      name: 'health.prune',
      cron: '17 * * * *',
      timeoutSeconds: 300,
      retryLimit: 3,
      run: async ({ now }) => {
        await health.history.prune(now);
      },
    },
    {
      name: 'health.report',
      cron: '* * * * *',
      timeoutSeconds: 50,
      retryLimit: 0,
      run: async () => {
        const report = await health.report();
        if (report.status === last) return;
        last = report.status;
        const troubled = report.components.filter(({ recommendation }) => recommendation !== null);
        log.info(
          { status: report.status, troubled: troubled.slice(0, 20).map(({ name }) => name) },
          'health report',
        );
      },
    },
  ];
};
