import { procedures, router } from '../api/trpc.ts';
import {
  decideSchema,
  defaultSchema,
  denialPageSchema,
  matrixSchema,
  previewSchema,
  rulePageSchema,
  ruleRemoveSchema,
  ruleSchema,
  ruleUpdateSchema,
} from './contract.ts';
import type { Policies } from './service.ts';

export const policiesRouter = (policies: Policies) =>
  router({
    /** The default, how many rules there are, and whether this process has the stored ones. */
    status: procedures.admin.query(() => policies.status()),
    /** Newest first. */
    list: procedures.admin.input(rulePageSchema).query(({ input }) => policies.list(input)),
    create: procedures.admin
      .input(ruleSchema)
      .mutation(({ ctx, input }) => policies.create(ctx.authority, input)),
    /** Takes the version that was read; when somebody changed it meanwhile the answer is CONFLICT. */
    update: procedures.admin
      .input(ruleUpdateSchema)
      .mutation(({ ctx, input }) => policies.update(ctx.authority, input)),
    remove: procedures.admin
      .input(ruleRemoveSchema)
      .mutation(({ ctx, input }) => policies.remove(ctx.authority, input)),
    /** What holds where no rule speaks. */
    setDefault: procedures.admin
      .input(defaultSchema)
      .mutation(({ ctx, input }) => policies.setDefault(ctx.authority, input)),
    /** May this subject call this tool in this scope? */
    decide: procedures.viewer
      .input(decideSchema)
      .query(({ ctx, input }) => policies.decide(ctx.authority.actor.name, input)),
    /** Who can do what. */
    matrix: procedures.admin.input(matrixSchema).query(({ input }) => policies.matrix(input)),
    /** Which recorded decisions a rule would change. */
    preview: procedures.admin.input(previewSchema).query(({ input }) => policies.preview(input)),
    /** Why was this denied; newest first. */
    denials: procedures.admin.input(denialPageSchema).query(({ input }) => policies.denials(input)),
  });
