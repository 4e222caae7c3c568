/** RFC 9457 problem details; the one shape of every error outside a tRPC answer. */
import { STATUS_CODES } from 'node:http';
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/unstable-core-do-not-import';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { publicError } from '../api/trpc.ts';
import type { Log } from '../platform/log.ts';

const codes: Record<number, keyof typeof TRPC_ERROR_CODES_BY_KEY> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'TOO_MANY_REQUESTS',
  503: 'SERVICE_UNAVAILABLE',
};

/** When nothing better is known. */
export const RETRY_AFTER_SECONDS = 5;

export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  detail: string,
): FastifyReply {
  const code = codes[status] ?? (status < 500 ? 'BAD_REQUEST' : 'INTERNAL_SERVER_ERROR');
  const refused = status === 401 ? request.refused : null;
  const reason = refused ? { reason: refused.reason } : {};
  const problem = {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    instance: request.url.split('?')[0],
    requestId: request.id,
    // Why a key or token is not accepted, for programs (an RFC 9457 extension member, as `error` is).
    ...reason,
    // A tRPC client that is refused before tRPC answers still understands why.
    ...(request.url.startsWith('/api/trpc/')
      ? {
          error: {
            message: detail,
            code: TRPC_ERROR_CODES_BY_KEY[code],
            data: { code, httpStatus: status, requestId: request.id, ...reason },
          },
        }
      : {}),
  };
  // A program that knows how long to wait neither hammers nor gives up.
  if ((status === 503 || status === 429) && !reply.hasHeader('retry-after')) {
    reply.header('retry-after', String(RETRY_AFTER_SECONDS));
  }
  if (status === 401) {
    // RFC 6750, section 3.
    const error = refused ? `, error="invalid_token", error_description="${refused.detail}"` : '';
    reply.header('www-authenticate', `Bearer realm="wheelhouse"${error}`);
  }
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('application/problem+json')
    .send(JSON.stringify(problem));
}

/** Fastify's error handler: what Fastify refused itself, what the console refused, and what nobody expected. */
export function problemHandler(log: Log) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    const status = error.statusCode;
    if (status !== undefined && status >= 400 && status < 500) {
      return sendProblem(request, reply, status, clientFault(error));
    }
    const mapped = publicError(error);
    if (!mapped.expected) log.error({ err: error, requestId: request.id }, 'request failed');
    const mappedStatus = { ...statusByCode }[mapped.code] ?? 500;
    return sendProblem(request, reply, mappedStatus, mapped.message);
  };
}

const statusByCode: Record<string, number> = Object.fromEntries(
  Object.entries(codes).map(([status, code]) => [code, Number(status)]),
);

function clientFault(error: FastifyError): string {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return 'The request body is larger than this server accepts.';
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return 'This content type is not accepted; send application/json.';
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return 'The body is empty; send a JSON document.';
    default:
      return error.message;
  }
}
