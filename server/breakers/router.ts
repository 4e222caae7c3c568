import { procedures, router } from '../api/trpc.ts';
import {
  breakerActionSchema,
  breakerActSchema,
  breakerBacktestSchema,
  breakerEventsSchema,
  breakerForceSchema,
  breakerKeySchema,
  breakerListSchema,
  breakerRecordSchema,
  breakerSyncSchema,
  breakerUpsertSchema,
} from './contract.ts';
import type { Breakers } from './service.ts';

export const breakersRouter = (breakers: Breakers) =>
  router({
    /** By name, with live state. */
    list: procedures.viewer.input(breakerListSchema).query(({ input }) => breakers.list(input)),
    counts: procedures.viewer.query(() => breakers.counts()),
    get: procedures.viewer.input(breakerKeySchema).query(({ input }) => breakers.get(input.name)),
    /** Changes of state, newest first. */
    events: procedures.viewer
      .input(breakerEventsSchema)
      .query(({ input }) => breakers.events(input)),
    /** What a policy would have done with outcomes of the past. */
    backtest: procedures.viewer
      .input(breakerBacktestSchema)
      .query(({ input }) => breakers.backtest(input)),
    /** Makes a breaker, or changes what is given of one. */
    upsert: procedures.operator
      .input(breakerUpsertSchema)
      .mutation(({ ctx, input }) => breakers.upsert(ctx.authority, input)),
    remove: procedures.operator
      .input(breakerKeySchema)
      .mutation(({ ctx, input }) => breakers.remove(ctx.authority, input.name)),
    /** May a call be made now? What is allowed must be recorded, at the latest after `probeLeaseMs`. */
    permit: procedures.operator
      .input(breakerKeySchema)
      .mutation(({ input }) => breakers.permit(input.name)),
    record: procedures.operator
      .input(breakerRecordSchema)
      .mutation(({ input }) => breakers.record(input)),
    /** Holds it open or closed until somebody says otherwise; `auto` hands it back. */
    force: procedures.operator
      .input(breakerForceSchema)
      .mutation(({ ctx, input }) => breakers.force(ctx.authority, input)),
    trip: procedures.operator
      .input(breakerActionSchema)
      .mutation(({ ctx, input }) => breakers.trip(ctx.authority, input)),
    /** Closed, with an empty window, and held by nobody. */
    reset: procedures.operator
      .input(breakerActionSchema)
      .mutation(({ ctx, input }) => breakers.reset(ctx.authority, input)),
    /** For the client in `server/client`, which decides by itself: outcomes in, states out. */
    sync: procedures.operator
      .input(breakerSyncSchema)
      .mutation(({ ctx, input }) => breakers.sync(ctx.authority, input)),
    /** For the same: trial calls, an opening, and its return after a time alone. */
    act: procedures.operator.input(breakerActSchema).mutation(({ input }) => breakers.act(input)),
  });
