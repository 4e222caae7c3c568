import { procedures, router } from '../api/trpc.ts';
import {
  checkSchema,
  issueSchema,
  revocationListSchema,
  revokeSchema,
  tokenListSchema,
} from './contract.ts';
import type { Tokens } from './service.ts';

export const tokensRouter = (tokens: Tokens) =>
  router({
    /** Signs a token; this is the only time it is seen. */
    issue: procedures.admin
      .input(issueSchema)
      .mutation(({ ctx, input }) => tokens.issue(ctx.authority, ctx.principal, input)),
    /** Whether a token counts now, and why not. */
    check: procedures.viewer.input(checkSchema).query(({ input }) => tokens.check(input.token)),
    /** Ends one token, all of a subject until now, or all that a signing key signed. */
    revoke: procedures.admin
      .input(revokeSchema)
      .mutation(({ ctx, input }) => tokens.revoke(ctx.authority, input)),
    /** Tokens that were issued, newest first; never the token itself. */
    list: procedures.admin.input(tokenListSchema).query(({ input }) => tokens.list(input)),
    /** Newest first. */
    revocations: procedures.admin
      .input(revocationListSchema)
      .query(({ input }) => tokens.revocationList(input)),
    /** Signing keys, newest first; their public half is at /.well-known/jwks.json. */
    keys: procedures.admin.query(() => tokens.keys()),
    /** The next signing key becomes the current one. */
    rotateKey: procedures.admin.mutation(({ ctx }) => tokens.rotateKey(ctx.authority)),
  });
