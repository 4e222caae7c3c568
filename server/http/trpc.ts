/** `/api/trpc/*`: the same procedures for pages and scripts. Refuses before it reads a body. */
import { incomingMessageToRequest } from '@trpc/server/adapters/node-http';
import { resolveResponse } from '@trpc/server/http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Context, publicProcedures } from '../api/trpc.ts';
import type { Runtime } from '../runtime.ts';
import type { Identity } from './identity.ts';
import { RETRY_AFTER_SECONDS, sendProblem } from './problem.ts';
import { isSameOrigin } from './security.ts';

export const TRPC_PREFIX = '/api/trpc/';
const MAX_BATCH = 20;
/** 10 000 samples with their labels, or as many predictions with their features. */
const INGEST_BODY_BYTES = 16 * 1024 * 1024;
const INGEST_PROCEDURES = [
  'metrics.ingest',
  'models.predictions',
  'models.labels',
  'drift.references.create',
];

export async function registerTrpc(
  app: FastifyInstance,
  runtime: Runtime,
  identity: Identity,
  origins: ReadonlySet<string>,
): Promise<void> {
  await app.register(async (scope) => {
    // tRPC parses the text itself, so that malformed JSON is answered in its own shape.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
      done(null, body),
    );

    scope.addHook('onRequest', async (request, reply) => {
      const names = procedureNames(request.url);
      if (names.length > MAX_BATCH) {
        return sendProblem(request, reply, 400, `At most ${MAX_BATCH} calls in a batch.`);
      }
      const withCookie = request.headers.authorization === undefined;
      if (withCookie && !isSameOrigin(request, origins)) {
        return sendProblem(
          request,
          reply,
          403,
          'This request comes from another site. Scripts send an API key in Authorization: Bearer.',
        );
      }
      const open = names.length > 0 && names.every((name) => publicProcedures.has(name));
      if (open) return;
      request.principal = await identity.principal(request);
      if (!request.principal) {
        return sendProblem(request, reply, 401, refusal(request));
      }
    });

    const handle = async (request: FastifyRequest, reply: FastifyReply) => {
      const raw = Object.assign(request.raw, { body: request.body ?? '' });
      const report = (err: unknown) =>
        runtime.log.error(
          { err, requestId: request.id, procedures: procedureNames(request.url) },
          'procedure failed',
        );
      const incoming = incomingMessageToRequest(raw, reply.raw, { maxBodySize: null });
      const answer = await resolveResponse({
        router: runtime.router,
        req: incoming,
        path: procedurePath(request.url),
        error: null,
        allowBatching: true,
        // What is asked by POST stands in no log of addresses.
        allowMethodOverride: true,
        createContext: async (): Promise<Context> => ({
          principal: request.principal,
          requestId: request.id,
          signal: incoming.signal,
          address: request.ip,
          policy: runtime.policies.check,
          // Calls of one batch run side by side: each is a caller of its own.
          within: (name, work) => {
            const { calls } = runtime.db;
            const traceId = calls.caller()?.traceId ?? null;
            return calls.within({ kind: 'request', name, requestId: request.id, traceId }, work);
          },
          report,
        }),
        onError({ error }) {
          if (error.code === 'INTERNAL_SERVER_ERROR' && error.cause === undefined) report(error);
        },
      });
      reply.code(answer.status);
      if (answer.status === 503 || answer.status === 429) {
        reply.header('retry-after', String(RETRY_AFTER_SECONDS));
      }
      for (const [name, value] of answer.headers) {
        if (name !== 'transfer-encoding' && name !== 'trpc-accept') reply.header(name, value);
      }
      // Private answers may be kept by the browser only to ask again (ETag), never shown unasked.
      reply.header('cache-control', 'private, no-cache');
      return reply.send(await answer.text());
    };
    scope.get(`${TRPC_PREFIX}*`, handle);
    for (const name of INGEST_PROCEDURES) {
      scope.post(TRPC_PREFIX + name, { bodyLimit: INGEST_BODY_BYTES }, handle);
    }
    scope.post(`${TRPC_PREFIX}*`, handle);
  });
}

function procedurePath(url: string): string {
  const end = url.indexOf('?');
  const path = url.slice(TRPC_PREFIX.length, end < 0 ? undefined : end);
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

export function procedureNames(url: string): string[] {
  return procedurePath(url).split(',').filter(Boolean);
}

function refusal(request: FastifyRequest): string {
  if (request.refused !== null) return request.refused.detail;
  return request.headers.cookie === undefined
    ? 'Sign in, or send an API key in Authorization: Bearer.'
    : 'The session has ended. Sign in again.';
}
