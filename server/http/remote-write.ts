/**
 * `POST /api/v1/write`: Prometheus remote write 1.0 (snappy, protobuf). 204 once what was accepted is committed; 400
 * when samples were refused (with the reasons; the rest was kept and must not be sent again, as the protocol says) or
 * the body cannot be read; 429 and 503 with `Retry-After` when it is to be sent again.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { uncompress } from 'snappy';
import { decodeWrite, MalformedWrite, retryAfterSeconds } from '../metrics/index.ts';
import type { Runtime } from '../runtime.ts';
import type { Identity } from './identity.ts';
import { requireScope } from './machines.ts';
import { sendProblem } from './problem.ts';

const BODY_LIMIT_BYTES = 16 * 1024 * 1024;
const INFLATED_LIMIT_BYTES = 64 * 1024 * 1024;

export function registerRemoteWrite(
  app: FastifyInstance,
  runtime: Runtime,
  identity: Identity,
): void {
  const { metricStore } = runtime;
  const handle = async (request: FastifyRequest, reply: FastifyReply) => {
    const body = request.body;
    if (!Buffer.isBuffer(body) || body.length === 0) {
      return sendProblem(
        request,
        reply,
        400,
        'The body is empty; send a snappy-compressed WriteRequest.',
      );
    }
    const size = inflatedSize(body);
    if (size === null || size > INFLATED_LIMIT_BYTES) {
      return size === null
        ? sendProblem(request, reply, 400, 'The body is not snappy.')
        : sendProblem(
            request,
            reply,
            413,
            `The body holds ${size} bytes; at most ${INFLATED_LIMIT_BYTES} are accepted.`,
          );
    }
    let decoded: ReturnType<typeof decodeWrite>;
    try {
      const bytes = await uncompress(body);
      decoded = decodeWrite(
        Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes),
        metricStore.remote.known,
      );
    } catch (error) {
      const why =
        error instanceof MalformedWrite ? `no WriteRequest: ${error.message}` : 'not snappy';
      return sendProblem(request, reply, 400, `The body is ${why}.`);
    }
    try {
      const { rejected, reasons } = await metricStore.remote.write(decoded.decoded, 'remote write');
      for (const [place, raw] of decoded.raw) {
        const one = decoded.decoded.series[place];
        if (typeof one === 'object' && 'key' in one) metricStore.remote.learn(raw, one.key);
      }
      metricStore.describe(decoded.metadata);
      if (rejected > 0) {
        return sendProblem(
          request,
          reply,
          400,
          `${rejected} samples were refused, the others are kept: ${reasons.slice(0, 5).join('; ')}`,
        );
      }
      return reply.code(204).header('cache-control', 'no-store').send();
    } catch (error) {
      const seconds = retryAfterSeconds(error);
      if (seconds !== null) reply.header('retry-after', String(seconds));
      throw error;
    }
  };
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/x-protobuf',
      { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
      (_request, body, done) => done(null, body),
    );
    // Both before the body is read.
    requireScope(scope, runtime, identity, 'ingest');
    scope.addHook('onRequest', async (request, reply) => {
      const encoding = request.headers['content-encoding'] ?? 'snappy';
      const type = request.headers['content-type'] ?? '';
      if (
        encoding !== 'snappy' ||
        !/^application\/x-protobuf(;|$)/.test(type) ||
        /proto=io\.prometheus\.write\.v2/.test(type)
      ) {
        return sendProblem(
          request,
          reply,
          415,
          'Send application/x-protobuf with content-encoding snappy (remote write 1.0).',
        );
      }
      // Not what the body parser of the host is to undo.
      delete request.headers['content-encoding'];
    });
    scope.post('/api/v1/write', { bodyLimit: BODY_LIMIT_BYTES }, handle);
  });
}

/** Size that the snappy body says it has when inflated; null when it says nothing. */
function inflatedSize(body: Buffer): number | null {
  let size = 0;
  for (let i = 0; i < 5; i++) {
    const byte = body[i];
    if (byte === undefined) return null;
    size += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return size;
  }
  return null;
}
