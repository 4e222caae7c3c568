import { procedures, router } from '../api/trpc.ts';
import {
  createDatabaseSchema,
  databaseIdSchema,
  databaseListSchema,
  relationsSchema,
  slowCallSchema,
  slowLogSchema,
  slowSchema,
  statementSchema,
  tryDatabaseSchema,
  updateDatabaseSchema,
} from './contract.ts';
import type { Watching } from './watching.ts';

export const queriesRouter = ({ watching }: { watching: Watching }) => {
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
        .mutation(({ input }) => watching.refresh(input.id)),
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
  });
};
