import { procedures, router } from '../api/trpc.ts';
import {
  createSourceSchema,
  sourceIdSchema,
  sourceListSchema,
  sourceMetricsSchema,
  updateSourceSchema,
} from './contract.ts';
import type { Sources } from './service.ts';

export const sourcesRouter = (sources: Sources) =>
  router({
    list: procedures.viewer.input(sourceListSchema).query(({ input }) => sources.list(input)),
    /** Names of the metrics of a prometheus source that contain a text, at most 200. */
    metrics: procedures.viewer
      .input(sourceMetricsSchema)
      .query(({ input }) => sources.metrics(input)),
    create: procedures.operator
      .input(createSourceSchema)
      .mutation(({ ctx, input }) => sources.create(ctx.authority, input)),
    update: procedures.operator
      .input(updateSourceSchema)
      .mutation(({ ctx, input }) => sources.update(ctx.authority, input)),
    remove: procedures.operator
      .input(sourceIdSchema)
      .mutation(({ ctx, input }) => sources.remove(ctx.authority, input.id)),
    /** Asks the source once, now; keeps nothing. */
    test: procedures.operator.input(sourceIdSchema).mutation(({ input }) => sources.test(input.id)),
  });
