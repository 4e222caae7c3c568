/**
 * `POST /api/heartbeat/TOKEN` (also GET and HEAD, for what can only fetch a URL): a target calls in. With `/fail`
 * the job says that it ended badly. Answered once the database has it. The token is the credential.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Runtime } from '../runtime.ts';
import { sendProblem } from './problem.ts';

const BODY_LIMIT = 16 * 1024;

export function registerHeartbeat(app: FastifyInstance, { health }: Runtime): void {
  const take = (failed: boolean) => async (request: FastifyRequest, reply: FastifyReply) => {
    const { token = '' } = request.params as { token?: string };
    const known = /^[\w-]{43}$/.test(token) && (await health.heartbeats.beat(token, failed));
    if (!known) return sendProblem(request, reply, 404, 'There is no heartbeat with this address.');
    return reply.header('cache-control', 'no-store').send({ ok: true });
  };
  // Whatever a job sends along is read and dropped.
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: BODY_LIMIT },
      (_request, _body, done) => done(null, null),
    );
    const options = { bodyLimit: BODY_LIMIT };
    scope.route({
      method: ['GET', 'POST'],
      url: '/api/heartbeat/:token',
      ...options,
      handler: take(false),
    });
    scope.route({
      method: ['GET', 'POST'],
      url: '/api/heartbeat/:token/fail',
      ...options,
      handler: take(true),
    });
  });
}
