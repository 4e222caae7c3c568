import { TRPCError } from '@trpc/server';
import { mayGrant, STREAM_TOOL, unknownScopes } from '../api/scopes.ts';
import { type Principal, procedures, router, scopesOf } from '../api/trpc.ts';
import {
  keyCreateSchema,
  keyIdSchema,
  keyListSchema,
  keyQuietSchema,
  keyRehearseSchema,
  keyRevokeSchema,
  keyRotateSchema,
  keyUpdateSchema,
  keyUsageSchema,
  keyVerifySchema,
} from './contract.ts';
import type { Keys } from './service.ts';

export function keysRouter(keys: Keys, known: () => readonly string[]) {
  /** A key that is narrowed by scopes makes and changes no key that may do more. */
  const mayHandOn = (principal: Principal, scopes: readonly string[]) => {
    if (mayGrant(scopesOf(principal), scopes)) return;
    throw new TRPCError({
      code: 'FORBIDDEN',
      message: `scopes: this ${principal.kind} is restricted and hands on no more than ${scopesOf(principal).join(', ')}.`,
    });
  };
  const mayHave = (principal: Principal, scopes: readonly string[]) => {
    const [unknown] = unknownScopes(scopes, known());
    if (unknown !== undefined)
      throw new TRPCError({
        code: 'BAD_REQUEST',
        message: `scopes: no procedure is called ${unknown}.`,
      });
    mayHandOn(principal, scopes);
  };
  return router({
    /** → `{ id, key }`: the only time the key is shown. */
    create: procedures.admin.input(keyCreateSchema).mutation(({ ctx, input }) => {
      mayHave(ctx.principal, input.scopes);
      return keys.create(ctx.authority, input);
    }),
    list: procedures.admin.input(keyListSchema).query(({ input }) => keys.list(input)),
    get: procedures.admin.input(keyIdSchema).query(({ input }) => keys.get(input.id)),
    figures: procedures.admin.query(() => keys.figures()),
    /** What scopes may name. */
    procedures: procedures.admin.query(() => [...known(), STREAM_TOOL].sort()),
    update: procedures.admin.input(keyUpdateSchema).mutation(async ({ ctx, input }) => {
      mayHandOn(ctx.principal, (await keys.get(input.id)).scopes);
      if (input.scopes) mayHave(ctx.principal, input.scopes);
      return keys.update(ctx.authority, input);
    }),
    /** → `{ id, version, key }`: the only time the new version is shown. CONFLICT while two versions are accepted. */
    rotate: procedures.admin.input(keyRotateSchema).mutation(async ({ ctx, input }) => {
      mayHandOn(ctx.principal, (await keys.get(input.id)).scopes);
      return keys.rotate(ctx.authority, input);
    }),
    revoke: procedures.admin
      .input(keyRevokeSchema)
      .mutation(({ ctx, input }) => keys.revoke(ctx.authority, input)),
    rehearse: procedures.admin
      .input(keyRehearseSchema)
      .mutation(({ ctx, input }) => keys.rehearse(ctx.authority, input)),
    endWhenQuiet: procedures.admin
      .input(keyQuietSchema)
      .mutation(({ ctx, input }) => keys.endWhenQuiet(ctx.authority, input)),
    usage: procedures.admin
      .input(keyUsageSchema)
      .query(({ input }) => keys.usage(input.id, input.days)),
    /** Send it by POST, so that the key stands in no address. → `{ valid, reason?, keyId?, role?, scopes?, version? }` */
    verify: procedures.operator
      .input(keyVerifySchema)
      .query(({ ctx, input }) => keys.check(input, ctx.principal.name)),
  });
}
