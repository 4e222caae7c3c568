/**
 * `POST /api/drift/uploads/ID?offset=N`: a part of a file that `drift.uploads.create` announced, as it is. For operators, by key or from
 * the console's own pages. Nothing of the body is read before it is known who asks, and nothing of it is held in memory.
 */
import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { roleAllows } from '../api/contract.ts';
import { scopesAllow } from '../api/scopes.ts';
import { scopesOf } from '../api/trpc.ts';
import type { Runtime } from '../runtime.ts';
import type { Identity } from './identity.ts';
import { sendProblem } from './problem.ts';
import { isSameOrigin } from './security.ts';

const TOOL = 'drift.uploads.create';
const paramsSchema = z.object({ id: z.uuid() });
const querySchema = z.object({
  offset: z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .default(0),
});

export function registerUploads(
  app: FastifyInstance,
  runtime: Runtime,
  identity: Identity,
  origins: ReadonlySet<string>,
): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    scope.addHook('onRequest', async (request, reply) => {
      if (request.headers.authorization === undefined && !isSameOrigin(request, origins)) {
        return sendProblem(request, reply, 403, 'This request comes from another site.');
      }
      const principal = await identity.principal(request);
      if (!principal) {
        const detail = request.refused?.detail ?? 'Sign in, or send an API key.';
        return sendProblem(request, reply, 401, detail);
      }
      if (!roleAllows(principal.role, 'operator')) {
        const detail = `This needs the role operator; yours is ${principal.role}.`;
        return sendProblem(request, reply, 403, detail);
      }
      if (!scopesAllow(scopesOf(principal), TOOL)) {
        const detail = `The scopes of this ${principal.kind} do not name ${TOOL}.`;
        return sendProblem(request, reply, 403, detail);
      }
      const decision = runtime.policies.check(principal, TOOL, 'mutation', request.ip);
      if (!decision.allowed) return sendProblem(request, reply, 403, decision.reason);
      request.principal = principal;
    });
    scope.post('/api/drift/uploads/:id', async (request, reply) => {
      const params = paramsSchema.safeParse(request.params);
      const query = querySchema.safeParse(request.query);
      if (!params.success) return sendProblem(request, reply, 404, 'There is no such upload.');
      if (!query.success) {
        return sendProblem(request, reply, 400, 'offset: the byte that this part begins at.');
      }
      // The parser above hands on the stream itself; without a body there is none.
      const part = (request.body ?? null) as Readable | null;
      if (part === null) return sendProblem(request, reply, 400, 'The part is empty.');
      const answer = await runtime.drift.uploads.append(params.data.id, query.data.offset, part);
      return reply.header('cache-control', 'no-store').send(answer);
    });
  });
}
