import { procedures, router } from '../api/trpc.ts';
import type { Security } from './security.ts';
import type { System } from './service.ts';

export const systemRouter = (system: System, security: Security) =>
  router({
    info: procedures.viewer.query(() => system.info()),
    /** How the console is, its last 15 minutes, and what needs a person. */
    overview: procedures.viewer.query(({ ctx }) => system.overview(ctx.principal)),
    /** The effective configuration and where each value came from; secrets are masked. */
    settings: procedures.admin.query(() => system.settings()),
    /** What the running configuration means for security: each line with its state, value, reason and remedy. */
    security: procedures.admin.query(() => security.items()),
  });
