import { procedures, router } from '../api/trpc.ts';
import { gameDayIdSchema, gameDayListSchema, runSchema } from './contract.ts';
import type { GameDays } from './service.ts';

export const gamedaysRouter = (gameDays: GameDays) =>
  router({
    /** The demo fleet, or that there is none and how to start one. */
    services: procedures.viewer.query(() => gameDays.services()),
    /** Puts a fault into a service; what follows is timed. */
    run: procedures.operator
      .input(runSchema)
      .mutation(({ ctx, input }) => gameDays.run(ctx.authority, input)),
    /** Ends it and takes the fault out. */
    cancel: procedures.operator
      .input(gameDayIdSchema)
      .mutation(({ ctx, input }) => gameDays.cancel(ctx.authority, input.id)),
    /** Newest first. */
    list: procedures.viewer.input(gameDayListSchema).query(({ input }) => gameDays.list(input)),
  });
