import { procedures, router } from '../api/trpc.ts';
import {
  adviceIdSchema,
  adviceListSchema,
  adviseSchema,
  createDatabaseSchema,
  databaseIdSchema,
  databaseListSchema,
  decideAdviceSchema,
  dismissAdviceSchema,
  explainSchema,
  refreshAdviceSchema,
  relationsSchema,
  slowCallSchema,
  slowLogSchema,
  slowSchema,
  statementSchema,
  tryDatabaseSchema,
  updateDatabaseSchema,
} from './contract.ts';
import type { Explain } from './explain/service.ts';
import type { Advising } from './loop/advising.ts';
import type { Loop } from './loop/service.ts';
import type { Watching } from './watching.ts';

export const queriesRouter = ({
  watching,
  explain,
  advising,
  loop,
}: {
  watching: Watching;
  explain: Explain;
  advising: Advising;
  loop: Loop;
}) => {
  const { databases, ranking, listing } = watching;
  return router({
    databases: router({
      list: procedures.viewer.input(databaseListSchema).query(({ input }) => databases.list(input)),
      get: procedures.viewer.input(databaseIdSchema).query(({ input }) => databases.get(input.id)),
      create: procedures.admin
        .input(createDatabaseSchema)
        .mutation(({ ctx, input }) => databases.create(ctx.authority, input)),
      update: procedures.admin
        .input(updateDatabaseSchema)
        .mutation(({ ctx, input }) => databases.update(ctx.authority, input)),
      remove: procedures.admin
        .input(databaseIdSchema)
        .mutation(({ ctx, input }) => databases.remove(ctx.authority, input.id)),
      /** Connects and looks at the set-up; keeps nothing. */
      test: procedures.operator
        .input(databaseIdSchema)
        .mutation(({ ctx, input }) => databases.test(input.id, ctx.signal)),
      /** The same for a URL that is not kept yet. */
      try: procedures.admin
        .input(tryDatabaseSchema)
        .mutation(({ ctx, input }) => databases.tryUrl(input.url, ctx.signal)),
      /** Looks now: statements, tables and indexes, set-up. */
      refresh: procedures.operator
        .input(databaseIdSchema)
        .mutation(({ ctx, input }) => watching.refresh(input.id, ctx.signal)),
      relations: procedures.viewer
        .input(relationsSchema)
        .query(({ input }) => listing.relations(input)),
    }),
    /** Statements of a database by what they cost in a range. */
    slow: procedures.viewer.input(slowSchema).query(({ input }) => ranking.slow(input)),
    statement: procedures.viewer
      .input(statementSchema)
      .query(({ input }) => ranking.statement(input)),
    /** Single calls that took long, newest first. */
    slowLog: procedures.viewer.input(slowLogSchema).query(({ input }) => listing.log(input)),
    slowCall: procedures.viewer.input(slowCallSchema).query(({ input }) => listing.call(input)),
    /** Never changes anything; what is refused says why. */
    explain: procedures.operator
      .input(explainSchema)
      .query(({ ctx, input }) => explain.explain(input, ctx.signal)),
    /**
     * What would help these statements, and why; `none` says why nothing should be done. Reads only. Ranked by the time that
     * is saved a day, where it is known how often each is called.
     */
    advise: procedures.operator.input(adviseSchema).query(async ({ ctx, input }) => ({
      advice: await advising.ofTexts(input.databaseId, [input.sql].flat(), ctx.signal),
    })),
    advice: router({
      /** Ranked by the time that it saves a day, over all databases. */
      list: procedures.viewer.input(adviceListSchema).query(({ input }) => loop.list(input)),
      get: procedures.viewer.input(adviceIdSchema).query(({ input }) => loop.get(input.id)),
      summary: procedures.viewer.query(() => loop.summary()),
      /** Asks the advisor now; it does so each hour anyway. */
      refresh: procedures.operator
        .input(refreshAdviceSchema)
        .mutation(({ ctx, input }) => loop.refreshBy(ctx.authority, input.databaseId, ctx.signal)),
      approve: procedures.operator
        .input(adviceIdSchema)
        .mutation(({ ctx, input }) => loop.approve(ctx.authority, input.id)),
      cancel: procedures.operator
        .input(adviceIdSchema)
        .mutation(({ ctx, input }) => loop.cancel(ctx.authority, input.id)),
      /** Somebody carried it out by hand. */
      markApplied: procedures.operator
        .input(adviceIdSchema)
        .mutation(({ ctx, input }) => loop.markApplied(ctx.authority, input.id)),
      decide: procedures.operator
        .input(decideAdviceSchema)
        .mutation(({ ctx, input }) => loop.decide(ctx.authority, input.id, input.keep)),
      dismiss: procedures.operator
        .input(dismissAdviceSchema)
        .mutation(({ ctx, input }) => loop.dismiss(ctx.authority, input.id, input.reason)),
      reopen: procedures.operator
        .input(adviceIdSchema)
        .mutation(({ ctx, input }) => loop.reopen(ctx.authority, input.id)),
    }),
  });
};
