/**
 * tRPC for the whole console: who asks (`Principal`), which role a procedure needs, how errors look on the wire.
 * Plain JSON, no transformer. Procedures hold no `try`: everything thrown is mapped here, once.
 */
import { initTRPC, TRPCError } from '@trpc/server';
import { ZodError } from 'zod';
import type { Authority } from '../platform/audit.ts';
import { AppError, type ErrorCode, errorCodes, isUnreachable } from '../platform/errors.ts';
import { type ErrorData, type FieldError, type Role, roleAllows } from './contract.ts';
import { type capabilities, scopesAllow } from './scopes.ts';

export type Principal =
  | {
      kind: 'user';
      id: string;
      name: string;
      email: string;
      role: Role;
      sessionId: string;
      method: string;
    }
  | {
      kind: 'key';
      id: string;
      /** Which version of the key was sent. */
      versionId: string;
      name: string;
      role: Role;
      scopes: readonly string[];
      /** Its own limit of calls a minute; without one the limit of all keys holds. */
      ratePerMinute?: number;
    }
  | {
      kind: 'token';
      /** The token's `jti`. */
      id: string;
      /** The token's subject. */
      name: string;
      role: Role;
      scopes: readonly string[];
      expiresAt: Date;
      /** Who issued it: `key:ID` or `user:ID`. */
      issuer: string;
      ratePerMinute?: number;
    };

/** A program: an API key or a token. */
export type MachinePrincipal = Exclude<Principal, { kind: 'user' }>;

/** What the policies say of a call; synchronous, in memory. */
export type PolicyCheck = (
  principal: Principal,
  tool: string,
  kind: 'query' | 'mutation',
  address: string,
) => { allowed: boolean; reason: string; ruleId: string | null };

/** The scopes of a credential; a person who signed in has the whole role. */
export const scopesOf = (principal: Principal): readonly string[] =>
  principal.kind === 'user' ? [] : principal.scopes;

export type Context = {
  principal: Principal | null;
  requestId: string;
  /** Aborted when the caller goes away. */
  signal: AbortSignal;
  address: string;
  /** Asked after the role and the scopes; who builds a context without one has none. */
  policy?: PolicyCheck;
  /** Runs a procedure so that what it asks the database is known to be its. */
  within?: <T>(procedure: string, work: () => T) => T;
  /** Called with what could not be mapped, for the log. */
  report(error: unknown): void;
};

const UNAVAILABLE = 'The database is unreachable at the moment. Try again shortly.';
const UNEXPECTED = 'Something went wrong on the server.';

/** What any thrown value means to a client. Raw messages and stacks stay behind. */
export function publicError(error: unknown): {
  code: ErrorCode;
  message: string;
  fields?: FieldError[];
  expected: boolean;
} {
  if (error instanceof AppError) {
    return {
      code: error.code,
      message: error.publicMessage,
      ...(error.fields ? { fields: error.fields } : {}),
      expected: error.code !== 'INTERNAL_SERVER_ERROR',
    };
  }
  if (error instanceof ZodError) {
    const fields = error.issues.map((issue) => ({
      path: issue.path.map(String).join('.'),
      message: issue.message,
    }));
    return { code: 'BAD_REQUEST', message: describeFields(fields), fields, expected: true };
  }
  if (error instanceof SyntaxError && /JSON/.test(error.message)) {
    // tRPC parses the input when a procedure first asks for it.
    return { code: 'BAD_REQUEST', message: 'The input is not valid JSON.', expected: true };
  }
  if (isUnreachable(error)) {
    return { code: 'SERVICE_UNAVAILABLE', message: UNAVAILABLE, expected: true };
  }
  return { code: 'INTERNAL_SERVER_ERROR', message: UNEXPECTED, expected: false };
}

function describeFields(fields: FieldError[]): string {
  return fields
    .slice(0, 5)
    .map(({ path, message }) => (path ? `${path}: ${message}` : message))
    .join('; ');
}

/** What a procedure asks of its caller: a role, or a capability among the scopes. Absent for the public ones. */
export type ProcedureMeta = { role: Role } | { capability: keyof typeof capabilities };

const t = initTRPC
  .context<Context>()
  .meta<ProcedureMeta>()
  .create({
    isServer: true,
    allowOutsideOfServer: true,
    errorFormatter({ shape, error, ctx }) {
      // tRPC wraps whatever a procedure or an input parser threw.
      const mapped = publicError(error.cause ?? error);
      const own = error.cause === undefined && error.code !== 'INTERNAL_SERVER_ERROR';
      const code = own ? error.code : mapped.code;
      const data: ErrorData = {
        code,
        httpStatus: own ? shape.data.httpStatus : errorCodes[mapped.code],
        requestId: ctx?.requestId ?? null,
        ...(mapped.fields ? { fields: mapped.fields } : {}),
      };
      return { code: shape.code, message: own ? error.message : mapped.message, data };
    },
  });

/** Gives thrown `AppError`s the right HTTP status and reports what nobody expected. */
const mapErrors = t.middleware(async ({ next, ctx, path }) => {
  const result = await (ctx.within ? ctx.within(path, () => next()) : next());
  if (result.ok) return result;
  const { error } = result;
  if (error.code !== 'INTERNAL_SERVER_ERROR') return result;
  const mapped = publicError(error.cause ?? error);
  // Who went away ended the work; that is no fault.
  if (!mapped.expected && !ctx.signal.aborted) ctx.report(error.cause ?? error);
  throw new TRPCError({ code: mapped.code, message: mapped.message, cause: error.cause ?? error });
});

const base = t.procedure.use(mapErrors);

function withRole(needed: Role) {
  return base.meta({ role: needed }).use(({ ctx, next, path, type }) => {
    const { principal } = ctx;
    if (!principal) {
      throw new TRPCError({ code: 'UNAUTHORIZED', message: 'Sign in, or send an API key.' });
    }
    if (!roleAllows(principal.role, needed)) {
      throw new TRPCError({
        code: 'FORBIDDEN',
        message: `This needs the role ${needed}; yours is ${principal.role}.`,
      });
    }
    if (!scopesAllow(scopesOf(principal), path)) {
      throw new TRPCError({
        code: 'FORBIDDEN',
        message: `The scopes of this ${principal.kind} do not name ${path}.`,
      });
    }
    const decision = ctx.policy?.(
      principal,
      path,
      type === 'mutation' ? 'mutation' : 'query',
      ctx.address,
    );
    if (decision && !decision.allowed) {
      throw new TRPCError({ code: 'FORBIDDEN', message: decision.reason });
    }
    const authority: Authority = {
      actor: { kind: principal.kind, id: principal.id, name: principal.name },
      rule: decision?.ruleId ? `policy:${decision.ruleId}` : `role:${needed}`,
      requestId: ctx.requestId,
    };
    return next({ ctx: { ...ctx, principal, authority } });
  });
}

export const router = t.router;
export const procedures = {
  /** No sign-in: only what a person needs before having one. Listed in `publicProcedures`. */
  public: base,
  viewer: withRole('viewer'),
  operator: withRole('operator'),
  admin: withRole('admin'),
};

/** For keys and tokens that carry a capability, whatever their role: what a program may do and a person has no reason to. */
export function scoped(scope: keyof typeof capabilities) {
  return base.meta({ capability: scope }).use(({ ctx, next, path }) => {
    const { principal } = ctx;
    if (!principal || principal.kind === 'user' || !principal.scopes.includes(scope)) {
      throw new TRPCError({
        code: principal ? 'FORBIDDEN' : 'UNAUTHORIZED',
        message: `This needs an API key with the scope ${scope}.`,
      });
    }
    const decision = ctx.policy?.(principal, path, 'mutation', ctx.address);
    if (decision && !decision.allowed) {
      throw new TRPCError({ code: 'FORBIDDEN', message: decision.reason });
    }
    return next({ ctx: { ...ctx, principal } });
  });
}

/** The names that answer without a session or key; the HTTP host refuses all others before it reads a body. */
export const publicProcedures: ReadonlySet<string> = new Set([
  'users.signInOptions',
  'users.setupState',
  'users.setup',
  'users.inviteState',
  'users.acceptInvite',
]);
