/**
 * OTLP/HTTP: `POST /v1/metrics|traces|logs`, protobuf or JSON, gzip, with a key that has the scope `ingest`. Answers come
 * in the encoding of the request; errors carry a `google.rpc.Status`. What a sender may try again is 429 or 503 with
 * Retry-After, everything else is final.
 */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { publicError } from '../api/trpc.ts';
import { errorCodes } from '../platform/errors.ts';
import type { Runtime } from '../runtime.ts';
import { Malformed, type Received, type Signal, signals } from '../telemetry/index.ts';
import type { Identity } from './identity.ts';
import { requireScope } from './machines.ts';

/** Of the body, also after unpacking it. */
const BODY_LIMIT = 16 * 1024 * 1024;
/** Bodies that are held at the same time. */
const MAX_HELD = 96 * 1024 * 1024;
const RETRY_AFTER_SECONDS = { 429: 1, 503: 5 };

type Format = 'json' | 'protobuf';
const contentTypes = { json: 'application/json', protobuf: 'application/x-protobuf' };
const rejectedField: Record<Signal, string> = {
  metrics: 'rejectedDataPoints',
  traces: 'rejectedSpans',
  logs: 'rejectedLogRecords',
};
// Numbers of google.rpc.Code.
const rpcCodes: Record<number, number> = { 401: 16, 403: 7, 413: 8, 429: 8, 500: 13, 503: 14 };
const INVALID_ARGUMENT = 3;

const formatOf = (request: FastifyRequest): Format =>
  /^application\/json\b/i.test(request.headers['content-type'] ?? '') ? 'json' : 'protobuf';

export function registerOtlp(app: FastifyInstance, runtime: Runtime, identity: Identity): void {
  const { telemetry, log } = runtime;
  let held = 0;
  app.register(async (scope) => {
    requireScope(scope, runtime, identity, 'ingest');
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      Object.values(contentTypes),
      { parseAs: 'buffer', bodyLimit: BODY_LIMIT },
      (_request, body, done) => done(null, body),
    );
    scope.setErrorHandler((error: FastifyError, request, reply) => {
      const { status, message } = judge(error);
      if (status >= 500 && status !== 503)
        log.error({ err: error, requestId: request.id }, 'request failed');
      return sendStatus(request, reply, status, message);
    });
    for (const signal of signals) {
      scope.post(`/v1/${signal}`, { bodyLimit: BODY_LIMIT }, async (request, reply) => {
        // The parser above lets nothing else through; no body at all is an empty message.
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        if (held > 0 && held + body.length > MAX_HELD) {
          return sendStatus(request, reply, 429, 'More is coming in than can be taken. Try again.');
        }
        held += body.length;
        try {
          const format = formatOf(request);
          const result = await telemetry.receive(signal, format, body);
          return sendResult(reply, format, signal, result);
        } finally {
          held -= body.length;
        }
      });
    }
  });
}

function judge(error: FastifyError): { status: number; message: string } {
  if (error instanceof Malformed) return { status: 400, message: error.message };
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return { status: 413, message: `The body, unpacked, may have ${BODY_LIMIT} bytes.` };
  }
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return { status: 415, message: `Send ${contentTypes.protobuf} or ${contentTypes.json}.` };
  }
  const { statusCode } = error;
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, message: error.message };
  }
  const mapped = publicError(error);
  return { status: errorCodes[mapped.code], message: mapped.message };
}

function sendStatus(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  message: string,
): FastifyReply {
  const code = rpcCodes[status] ?? INVALID_ARGUMENT;
  const format = formatOf(request);
  if (status === 429 || status === 503) reply.header('retry-after', RETRY_AFTER_SECONDS[status]);
  reply.code(status).header('cache-control', 'no-store').type(contentTypes[format]);
  return format === 'json'
    ? reply.send(JSON.stringify({ code, message, requestId: request.id }))
    : reply.send(Buffer.concat([varintField(1, code), textField(2, message)]));
}

/** `Export…ServiceResponse`: empty when everything was taken. */
function sendResult(
  reply: FastifyReply,
  format: Format,
  signal: Signal,
  { rejected, message }: Received,
): FastifyReply {
  const partial = rejected > 0 || message !== '';
  reply.header('cache-control', 'no-store').type(contentTypes[format]);
  if (format === 'json') {
    return reply.send(
      JSON.stringify(
        partial
          ? {
              partialSuccess: {
                ...(rejected > 0 ? { [rejectedField[signal]]: String(rejected) } : {}),
                errorMessage: message,
              },
            }
          : {},
      ),
    );
  }
  return reply.send(
    partial
      ? bytesField(
          1,
          Buffer.concat([rejected > 0 ? varintField(1, rejected) : none, textField(2, message)]),
        )
      : none,
  );
}

const none = Buffer.alloc(0);
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}
const varintField = (id: number, value: number) => Buffer.concat([varint(id << 3), varint(value)]);
const bytesField = (id: number, value: Buffer) =>
  Buffer.concat([varint((id << 3) | 2), varint(value.length), value]);
const textField = (id: number, value: string) => bytesField(id, Buffer.from(value));
