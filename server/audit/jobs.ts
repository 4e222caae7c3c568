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
];
