import { procedures, router, scoped } from '../api/trpc.ts';
import {
  catalogSchema,
  ingestSchema,
  labelValuesSchema,
  metricSchema,
  querySchema,
  retentionSchema,
  samplesSchema,
  savedCreateSchema,
  savedIdSchema,
  savedUpdateSchema,
} from './contract.ts';
import { templates } from './saved.ts';
import type { MetricStore } from './service.ts';

export const metricsRouter = (store: MetricStore) =>
  router({
    /** Up to 10 000 samples; answers once those that are accepted are committed. */
    ingest: scoped('ingest')
      .input(ingestSchema)
      .mutation(({ input }) => store.ingest(input.samples)),
    /** Figures by series and step; see docs/modules/metrics.md for what each aggregation means. */
    query: procedures.viewer
      .input(querySchema)
      .query(({ ctx, input }) => store.query(input, ctx.signal)),
    /** Runs a query and answers how it was answered, without its points. */
    explain: procedures.viewer
      .input(querySchema)
      .query(({ ctx, input }) => store.explain(input, ctx.signal)),
    /** The samples behind a query, oldest first. */
    samples: procedures.viewer.input(samplesSchema).query(({ input }) => store.samples(input)),
    /** Metrics by name. */
    catalog: procedures.viewer.input(catalogSchema).query(({ input }) => store.catalog.list(input)),
    /** One metric with its labels and their values. */
    describe: procedures.viewer
      .input(metricSchema)
      .query(({ input }) => store.catalog.describe(input.metric)),
    /** Up to 100 values of a label that contain a text. */
    labelValues: procedures.viewer
      .input(labelValuesSchema)
      .query(({ input }) => store.catalog.labelValues(input.metric, input.label, input.search)),
    /** What came in, what was rejected and why, how much is stored. */
    status: procedures.viewer.query(() => store.status()),
    /** How long samples, minutes and hours of a metric are kept, in days. */
    setRetention: procedures.operator
      .input(retentionSchema)
      .mutation(({ ctx, input }) => store.setRetention(ctx.authority, input)),
    templates: procedures.viewer.query(() => templates),
    saved: router({
      list: procedures.viewer.query(() => store.saved.list()),
      create: procedures.operator
        .input(savedCreateSchema)
        .mutation(({ ctx, input }) => store.saved.create(ctx.authority, input)),
      update: procedures.operator
        .input(savedUpdateSchema)
        .mutation(({ ctx, input }) => store.saved.update(ctx.authority, input)),
      remove: procedures.operator
        .input(savedIdSchema)
        .mutation(({ ctx, input }) => store.saved.remove(ctx.authority, input.id)),
    }),
  });
