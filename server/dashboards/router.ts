import { procedures, router } from '../api/trpc.ts';
import {
  dashboardCreateSchema,
  dashboardIdSchema,
  dashboardListSchema,
  dashboardUpdateSchema,
} from './contract.ts';
import type { Dashboards } from './service.ts';

export const dashboardsRouter = (dashboards: Dashboards) =>
  router({
    /** Oldest first, without their panels. */
    list: procedures.viewer.input(dashboardListSchema).query(({ input }) => dashboards.list(input)),
    get: procedures.viewer.input(dashboardIdSchema).query(({ input }) => dashboards.get(input.id)),
    create: procedures.operator
      .input(dashboardCreateSchema)
      .mutation(({ ctx, input }) => dashboards.create(ctx.authority, input)),
    /** What is absent stays. `version` is the one that was edited. */
    update: procedures.operator
      .input(dashboardUpdateSchema)
      .mutation(({ ctx, input }) => dashboards.update(ctx.authority, input)),
    remove: procedures.operator
      .input(dashboardIdSchema)
      .mutation(({ ctx, input }) => dashboards.remove(ctx.authority, input.id)),
  });
