import { procedures, router } from '../api/trpc.ts';
import {
  bulkPauseSchema,
  bulkSchema,
  checkListSchema,
  freezeSchema,
  historySchema,
  maintenanceCreateSchema,
  maintenanceListSchema,
  runListSchema,
  targetCreateSchema,
  targetIdSchema,
  targetIdsSchema,
  targetListSchema,
  targetUpdateSchema,
} from './contract.ts';
import type { Health } from './service.ts';

export const healthRouter = ({
  targets,
  views,
  history,
  healing,
  maintenance,
  control,
  report,
  commands,
}: Health) =>
  router({
    /** Every component, with what to do about each problem. */
    report: procedures.viewer.query(() => report()),
    /** Targets by state, and remedies that run or wait. */
    counts: procedures.viewer.query(() => views.counts()),
    targets: router({
      /** Answers `{ id }`; for heartbeats also `heartbeatUrl`, this one time. */
      create: procedures.operator
        .input(targetCreateSchema)
        .mutation(({ ctx, input }) => targets.create(ctx.authority, input)),
      /** What is not given stays, secrets too. */
      update: procedures.operator
        .input(targetUpdateSchema)
        .mutation(({ ctx, input }) => targets.update(ctx.authority, input)),
      remove: procedures.operator.input(targetIdSchema).mutation(async ({ ctx, input }) => {
        await targets.remove(ctx.authority, [input.id]);
      }),
      removeMany: procedures.operator.input(bulkSchema).mutation(async ({ ctx, input }) => ({
        removed: await targets.remove(ctx.authority, input.ids),
      })),
      /** Pauses or resumes checks; answers how many changed. */
      pause: procedures.operator.input(bulkPauseSchema).mutation(async ({ ctx, input }) => ({
        changed: await targets.pause(ctx.authority, input.ids, input.paused),
      })),
      renewHeartbeat: procedures.operator
        .input(targetIdSchema)
        .mutation(({ ctx, input }) => targets.renewHeartbeat(ctx.authority, input.id)),
      reinstate: procedures.operator
        .input(targetIdSchema)
        .mutation(({ ctx, input }) => targets.reinstate(ctx.authority, input.id)),
      /** One check now; changes nothing. */
      check: procedures.operator
        .input(targetIdSchema)
        .mutation(({ input }) => targets.check(input.id)),
      /** One check of settings that are not saved. */
      probe: procedures.operator
        .input(targetCreateSchema)
        .mutation(({ input }) => targets.probe(input)),
      list: procedures.viewer.input(targetListSchema).query(({ input }) => views.list(input)),
      byIds: procedures.viewer.input(targetIdsSchema).query(({ input }) => views.byIds(input.ids)),
      /** Bars and sparklines of the rows on screen. */
      trends: procedures.viewer
        .input(targetIdsSchema)
        .query(({ input }) => views.trends(input.ids)),
      tags: procedures.viewer.query(() => views.tags()),
      get: procedures.viewer.input(targetIdSchema).query(({ input }) => views.get(input.id)),
      history: procedures.viewer.input(historySchema).query(({ input }) => history.read(input)),
      checks: procedures.viewer.input(checkListSchema).query(({ input }) => history.checks(input)),
      /** What healing would do next, and whether it helped so far. */
      healing: procedures.viewer
        .input(targetIdSchema)
        .query(({ input }) => views.healing(input.id)),
    }),
    remedies: router({
      list: procedures.viewer.input(runListSchema).query(({ input }) => views.runs(input)),
      /** Names that the config file gives; the programs themselves are not shown. */
      commands: procedures.viewer.query(() => ({ items: commands() })),
      /** Runs a target's remedy now, whatever its mode. */
      run: procedures.operator
        .input(targetIdSchema)
        .mutation(({ ctx, input }) => healing.runNow(ctx.authority, input.id)),
      approve: procedures.operator
        .input(targetIdSchema)
        .mutation(({ ctx, input }) => healing.decide(ctx.authority, input.id, true)),
      reject: procedures.operator
        .input(targetIdSchema)
        .mutation(({ ctx, input }) => healing.decide(ctx.authority, input.id, false)),
      stop: procedures.operator
        .input(targetIdSchema)
        .mutation(({ ctx, input }) => healing.stop(ctx.authority, input.id)),
    }),
    /** The switch for all healing. */
    control: procedures.viewer.query(() => control.get()),
    freeze: procedures.operator
      .input(freezeSchema)
      .mutation(({ ctx, input }) => control.freeze(ctx.authority, input)),
    maintenance: router({
      create: procedures.operator
        .input(maintenanceCreateSchema)
        .mutation(({ ctx, input }) => maintenance.create(ctx.authority, input)),
      list: procedures.viewer
        .input(maintenanceListSchema)
        .query(({ input }) => maintenance.list(input)),
      /** Ends it now, or takes it from the plan. */
      cancel: procedures.operator
        .input(targetIdSchema)
        .mutation(({ ctx, input }) => maintenance.cancel(ctx.authority, input.id)),
    }),
  });
