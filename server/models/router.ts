import { procedures, router, scoped } from '../api/trpc.ts';
import {
  createModelSchema,
  labelsSchema,
  modelIdSchema,
  modelListSchema,
  performanceSchema,
  predictionsSchema,
  updateModelSchema,
} from './contract.ts';
import type { Models } from './service.ts';

export const modelsRouter = (models: Models) =>
  router({
    list: procedures.viewer.input(modelListSchema).query(({ input }) => models.list(input)),
    get: procedures.viewer.input(modelIdSchema).query(({ input }) => models.get(input.id)),
    create: procedures.operator
      .input(createModelSchema)
      .mutation(({ ctx, input }) => models.create(ctx.authority, input)),
    update: procedures.operator
      .input(updateModelSchema)
      .mutation(({ ctx, input }) => models.update(ctx.authority, input)),
    /** With its predictions, references and monitors. */
    remove: procedures.operator
      .input(modelIdSchema)
      .mutation(({ ctx, input }) => models.remove(ctx.authority, input.id)),
    /** Up to 10 000; answers once those that are accepted are committed. */
    predictions: scoped('ingest')
      .input(predictionsSchema)
      .mutation(({ input }) => models.predictions(input)),
    /** What was true; may come before the prediction, and again when it was wrong. */
    labels: scoped('ingest')
      .input(labelsSchema)
      .mutation(({ input }) => models.labels(input)),
    /** Over time and by segment. */
    performance: procedures.viewer
      .input(performanceSchema)
      .query(({ ctx, input }) => models.performance(input, ctx.signal)),
  });
