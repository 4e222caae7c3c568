import { procedures, router } from '../api/trpc.ts';
import type { Comparer } from './compare.ts';
import { compareSchema } from './contract.ts';
import { pairOf } from './statistics/cells.ts';

export const driftRouter = ({ comparer }: { comparer: Comparer }) =>
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
  });
