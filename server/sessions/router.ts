import { TRPCError } from '@trpc/server';
import { roleAllows } from '../api/contract.ts';
import { type Principal, procedures, router } from '../api/trpc.ts';
import { sessionIdSchema, sessionListSchema } from './contract.ts';
import type { Sessions } from './service.ts';

/** Whose sessions: one's own, or anybody's for an admin. */
function whose(principal: Principal, asked: string | undefined): string {
  if (asked && asked !== principal.id) {
    if (roleAllows(principal.role, 'admin')) return asked;
    throw new TRPCError({
      code: 'FORBIDDEN',
      message: 'Only an admin may see the sessions of others.',
    });
  }
  if (principal.kind === 'user') return principal.id;
  throw new TRPCError({
    code: 'BAD_REQUEST',
    message: 'userId: a key has no sessions; name a person.',
  });
}

export const sessionsRouter = (sessions: Sessions) =>
  router({
    /** Live sessions, newest first. */
    list: procedures.viewer.input(sessionListSchema).query(({ ctx, input }) =>
      sessions.list({
        userId: whose(ctx.principal, input.userId),
        currentId: ctx.principal.kind === 'user' ? ctx.principal.sessionId : null,
        page: input,
      }),
    ),
    /** Ends a session everywhere within a second. */
    revoke: procedures.viewer.input(sessionIdSchema).mutation(({ ctx, input }) =>
      sessions.revoke(ctx.authority, input.id, {
        userId: ctx.principal.id,
        role: ctx.principal.role,
      }),
    ),
    /** Ends all of one's own sessions but this one. */
    revokeOthers: procedures.viewer.mutation(async ({ ctx }) => ({
      revoked: await sessions.revokeOthers(
        ctx.authority,
        whose(ctx.principal, undefined),
        ctx.principal.kind === 'user' ? ctx.principal.sessionId : null,
      ),
    })),
  });
