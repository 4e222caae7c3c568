import { procedures, router } from '../api/trpc.ts';
import { auditListSchema } from './contract.ts';
import type { AuditReader } from './service.ts';

export const auditRouter = (audit: AuditReader) =>
  router({
    /** Newest first. */
    list: procedures.admin.input(auditListSchema).query(({ input }) => audit.list(input)),
    actions: procedures.admin.query(() => audit.actions()),
    /** Walks the whole chain; ends when the caller goes away. */
    verify: procedures.admin.query(({ ctx }) => audit.verify(ctx.signal)),
  });
