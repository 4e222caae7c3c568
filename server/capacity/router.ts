import { procedures, router } from '../api/trpc.ts';
import {
  createResourceSchema,
  listResourcesSchema,
  manifestSchema,
  readMetricSchema,
  resourceIdSchema,
  updateResourceSchema,
} from './contract.ts';
import type { Capacity } from './service.ts';

export const capacityRouter = (capacity: Capacity) =>
  router({
    /** The most urgent first. */
    list: procedures.viewer.input(listResourcesSchema).query(({ input }) => capacity.list(input)),
    counts: procedures.viewer.query(() => capacity.counts()),
    get: procedures.viewer.input(resourceIdSchema).query(({ input }) => capacity.get(input.id)),
    create: procedures.operator
      .input(createResourceSchema)
      .mutation(({ ctx, input }) => capacity.create(ctx.authority, input)),
    update: procedures.operator
      .input(updateResourceSchema)
      .mutation(({ ctx, input }) => capacity.update(ctx.authority, input)),
    remove: procedures.operator
      .input(resourceIdSchema)
      .mutation(({ ctx, input }) => capacity.remove(ctx.authority, input.id)),
    /** What autoscalers go by; Kubernetes reads it at /apis/external.metrics.k8s.io. */
    scaling: router({
      get: procedures.viewer
        .input(readMetricSchema)
        .query(({ ctx, input }) => capacity.scaling.get(input.name, ctx.signal)),
      manifests: procedures.viewer
        .input(manifestSchema)
        .query(({ input }) => capacity.scaling.manifests(input)),
    }),
  });
