import type { JobDefinition } from '../platform/jobs.ts';
import type { AuditReader } from './service.ts';

export const auditJobs = (audit: AuditReader): JobDefinition[] => [
  {
    name: 'audit.anchor',
    cron: '7 * * * *',
    timeoutSeconds: 60,
    retryLimit: 3,
    run: () => audit.anchor(),
  },
  {
    name: 'audit.verify',
    cron: '17 4 * * *',
    timeoutSeconds: 600,
    retryLimit: 1,
    async run({ signal }) {
      const found = await audit.verify(signal);
      if (!found.ok) throw new Error(`the audit log is broken: ${found.reason}`);
    },
  },
];
