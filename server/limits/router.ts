import { procedures, router } from '../api/trpc.ts';
import { limitOverrideSchema, limitPageSchema, limitRemoveSchema } from './contract.ts';
import type { Limits } from './service.ts';

export const limitsRouter = (limits: Limits) =>
  router({
    status: procedures.viewer.query(() => limits.status()),
    /** The one table: presets, procedures, what the configuration and operators say. */
    list: procedures.viewer.input(limitPageSchema).query(({ input }) => limits.list(input)),
    /** Who is refused or near it now. */
    top: procedures.viewer.input(limitPageSchema).query(({ input }) => limits.top(input)),
    override: procedures.operator
      .input(limitOverrideSchema)
      .mutation(({ ctx, input }) => limits.override(ctx.authority, input)),
    /** Back to what the code and the configuration say. */
    remove: procedures.operator
      .input(limitRemoveSchema)
      .mutation(({ ctx, input }) => limits.remove(ctx.authority, input)),
  });
