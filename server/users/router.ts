import { TRPCError } from '@trpc/server';
import { type Principal, procedures, router } from '../api/trpc.ts';
import {
  acceptInviteSchema,
  changePasswordSchema,
  inviteSchema,
  inviteStateSchema,
  type Me,
  renameSchema,
  setDisabledSchema,
  setRoleSchema,
  setupSchema,
  userIdSchema,
  userListSchema,
} from './contract.ts';
import type { Users } from './service.ts';

function person(principal: Principal) {
  if (principal.kind === 'user') return principal;
  throw new TRPCError({
    code: 'BAD_REQUEST',
    message: 'This is about a person; a key or token has no account.',
  });
}

function describe(principal: Principal): Me {
  const { kind, id, name, role } = principal;
  const session = principal.kind === 'user' ? principal : null;
  return {
    kind,
    id,
    name,
    role,
    email: session?.email ?? null,
    sessionId: session?.sessionId ?? null,
    method: session?.method ?? null,
  };
}

export const usersRouter = (users: Users, options: { oidcName: string | null }) =>
  router({
    /** What the sign-in page offers. */
    signInOptions: procedures.public.query(async () => ({
      oidc: options.oidcName ? { name: options.oidcName } : null,
      setupNeeded: await users.setupNeeded(),
    })),
    setupState: procedures.public.query(async () => ({ needed: await users.setupNeeded() })),
    /** Creates the first admin from the one-time link. */
    setup: procedures.public.input(setupSchema).mutation(async ({ input }) => {
      await users.setup(input);
      return { ok: true as const };
    }),
    inviteState: procedures.public
      .input(inviteStateSchema)
      .query(({ input }) => users.inviteState(input.token)),
    acceptInvite: procedures.public
      .input(acceptInviteSchema)
      .mutation(({ ctx, input }) => users.acceptInvite(input, ctx.requestId)),

    /** Who is asking. */
    me: procedures.viewer.query(({ ctx }) => describe(ctx.principal)),
    rename: procedures.viewer
      .input(renameSchema)
      .mutation(({ ctx, input }) =>
        users.rename(ctx.authority, person(ctx.principal).id, input.name),
      ),
    /** Ends all other sessions of the person. */
    changePassword: procedures.viewer.input(changePasswordSchema).mutation(({ ctx, input }) => {
      const { id, sessionId } = person(ctx.principal);
      return users.changePassword(ctx.authority, { userId: id, sessionId, ...input });
    }),

    /** Oldest account first. */
    list: procedures.admin.input(userListSchema).query(({ input }) => users.list(input)),
    /** The link in the answer is shown once. */
    invite: procedures.admin
      .input(inviteSchema)
      .mutation(({ ctx, input }) => users.invite(ctx.authority, input)),
    /** A new link for somebody who has not accepted; the old one ends. */
    reinvite: procedures.admin
      .input(userIdSchema)
      .mutation(({ ctx, input }) => users.reinvite(ctx.authority, input.id)),
    removeInvite: procedures.admin
      .input(userIdSchema)
      .mutation(({ ctx, input }) => users.removeInvite(ctx.authority, input.id)),
    setRole: procedures.admin
      .input(setRoleSchema)
      .mutation(({ ctx, input }) => users.setRole(ctx.authority, input.id, input.role)),
    /** Disabling ends every session of the person within a second. */
    setDisabled: procedures.admin
      .input(setDisabledSchema)
      .mutation(({ ctx, input }) => users.setDisabled(ctx.authority, input.id, input.disabled)),
  });
