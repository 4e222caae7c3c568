import { procedures, router } from '../api/trpc.ts';
import { cachePageSchema, evictSchema } from './contract.ts';
import type { Cache } from './service.ts';
import type { Warmer } from './warmer.ts';

export const cacheRouter = (cache: Cache, warmer: Warmer) =>
  router({
    status: procedures.viewer.query(() => cache.status()),
    /** What this process is asked for most. */
    top: procedures.viewer.input(cachePageSchema).query(({ input }) => cache.top(input)),
    /** What the next hour is expected to ask for. */
    warmup: procedures.viewer.input(cachePageSchema).query(({ input }) => warmer.list(input)),
    /** On every replica. */
    evict: procedures.operator
      .input(evictSchema)
      .mutation(({ ctx, input }) => cache.evict(ctx.authority, input)),
  });
