import { procedures, router } from '../api/trpc.ts';
import type { Comparer } from './compare.ts';
import { compareSchema } from './contract.ts';
import type { Drift } from './service.ts';
import { pairOf } from './statistics/cells.ts';
import {
  confirmUploadSchema,
  createMonitorSchema,
  createReferenceSchema,
  createUploadSchema,
  heatmapSchema,
  monitorIdSchema,
  monitorListSchema,
  pauseMonitorSchema,
  previewUploadSchema,
  referenceIdSchema,
  referenceListSchema,
  runIdSchema,
  runListSchema,
  updateMonitorSchema,
  uploadIdSchema,
  uploadListSchema,
} from './watch/contract.ts';

export const driftRouter = ({
  comparer,
  references,
  uploads,
  monitors,
}: { comparer: Comparer } & Pick<Drift, 'references' | 'uploads' | 'monitors'>) =>
  router({
    /** Two samples of each feature, and whether they differ by more than chance and by enough to matter. */
    compare: procedures.viewer
      .input(compareSchema)
      .query(({ ctx, input }) =>
        comparer.compare(
          input.features.map(pairOf),
          { alpha: input.alpha },
          ctx.signal ? { signal: ctx.signal } : {},
        ),
      ),
    references: router({
      list: procedures.viewer
        .input(referenceListSchema)
        .query(({ input }) => references.list(input)),
      get: procedures.viewer
        .input(referenceIdSchema)
        .query(({ input }) => references.get(input.id)),
      /** From a range of predictions, or from rows; a file is uploaded. */
      create: procedures.operator
        .input(createReferenceSchema)
        .mutation(({ ctx, input }) => references.create(ctx.authority, input, ctx.signal)),
      remove: procedures.operator
        .input(referenceIdSchema)
        .mutation(({ ctx, input }) => references.remove(ctx.authority, input.id)),
    }),
    uploads: router({
      list: procedures.viewer.input(uploadListSchema).query(({ input }) => uploads.list(input)),
      get: procedures.viewer.input(uploadIdSchema).query(({ input }) => uploads.get(input.id)),
      /** Announces a file; its bytes follow in parts by `POST /api/drift/uploads/ID?offset=N`. */
      create: procedures.operator
        .input(createUploadSchema)
        .mutation(({ ctx, input }) => uploads.create(ctx.authority, input)),
      /** What was understood of a file that arrived whole. */
      preview: procedures.operator
        .input(previewUploadSchema)
        .query(({ ctx, input }) => uploads.preview(input, ctx.signal)),
      /** Begins to make a reference of it. */
      confirm: procedures.operator
        .input(confirmUploadSchema)
        .mutation(({ ctx, input }) => uploads.confirm(ctx.authority, input)),
      cancel: procedures.operator
        .input(uploadIdSchema)
        .mutation(({ ctx, input }) => uploads.cancel(ctx.authority, input.id)),
    }),
    monitors: router({
      list: procedures.viewer.input(monitorListSchema).query(({ input }) => monitors.list(input)),
      get: procedures.viewer.input(monitorIdSchema).query(({ input }) => monitors.get(input.id)),
      create: procedures.operator
        .input(createMonitorSchema)
        .mutation(({ ctx, input }) => monitors.create(ctx.authority, input)),
      update: procedures.operator
        .input(updateMonitorSchema)
        .mutation(({ ctx, input }) => monitors.update(ctx.authority, input)),
      remove: procedures.operator
        .input(monitorIdSchema)
        .mutation(({ ctx, input }) => monitors.remove(ctx.authority, input.id)),
      pause: procedures.operator
        .input(pauseMonitorSchema)
        .mutation(({ ctx, input }) => monitors.pause(ctx.authority, input)),
      /** Compares the window that ends now. */
      run: procedures.operator
        .input(monitorIdSchema)
        .mutation(({ ctx, input }) => monitors.run(ctx.authority, input.id, ctx.signal)),
    }),
    runs: procedures.viewer.input(runListSchema).query(({ input }) => monitors.runs(input)),
    run: procedures.viewer.input(runIdSchema).query(({ input }) => monitors.getRun(input.id)),
    /** Features by time, at most 20 000 cells, the newest. */
    heatmap: procedures.viewer.input(heatmapSchema).query(({ input }) => monitors.heatmap(input)),
  });
