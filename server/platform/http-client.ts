/**
 * Outgoing HTTP. Every address that is connected to is held against the guard of addresses, at every redirect again. Every call has
 * a time-out and a bound on the answer's size.
 */
import { TLSSocket } from 'node:tls';
import { Agent, buildConnector, request } from 'undici';
import { type AddressGuard, createAddressGuard } from './addresses.ts';
import { AppError } from './errors.ts';

export type HttpAnswer = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  /** The answer was longer than the bound; `body` holds the beginning. */
  truncated: boolean;
  /** Where the answer came from, after redirects. */
  url: string;
  /** End of the certificate that was presented; null without TLS. */
  tlsExpiresAt: Date | null;
};
export type HttpRequest = {
  url: string;
  method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  headers?: Record<string, string>;
  body?: string | Buffer;
  timeoutMs: number;
  maxBodyBytes?: number;
  maxRedirects?: number;
  /** False accepts any certificate. */
  verifyTls?: boolean;
  signal?: AbortSignal;
};
export type HttpClient = {
  /** For what connects by itself. */
  addresses: AddressGuard;
  send(input: HttpRequest): Promise<HttpAnswer>;
  close(): Promise<void>;
};

const MAX_CERTIFICATES = 10_000;

export function createHttpClient(
  options: { keepAliveTimeoutMs?: number; addresses?: AddressGuard } = {},
): HttpClient {
  const addresses = options.addresses ?? createAddressGuard();
  // By origin, because a connection outlives the request that opened it.
  const certificates = new Map<string, Date>();
  const agentWith = (rejectUnauthorized: boolean) => {
    const connect = buildConnector({
      timeout: 5_000,
      lookup: addresses.lookup,
      rejectUnauthorized,
    });
    return new Agent({
      connect(target, callback) {
        connect(target, (...result) => {
          const [, socket] = result;
          if (socket instanceof TLSSocket) {
            const end = new Date(socket.getPeerCertificate().valid_to);
            if (certificates.size >= MAX_CERTIFICATES) certificates.clear();
            const { hostname, port } = target;
            if (!Number.isNaN(end.getTime())) certificates.set(`${hostname}:${port || 443}`, end);
          }
          callback(...result);
        });
      },
      connections: 16,
      keepAliveTimeout: options.keepAliveTimeoutMs ?? 10_000,
    });
  };
  const agent = agentWith(true);
  let lenient: Agent | null = null;
  const dispatcher = (verifyTls: boolean | undefined) => {
    if (verifyTls !== false) return agent;
    lenient ??= agentWith(false);
    return lenient;
  };

  const once = async (input: HttpRequest, url: URL, signal: AbortSignal) => {
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new AppError('BAD_REQUEST', `${url.protocol}// is not accepted; use http or https.`);
    }
    addresses.refuseLiteral(url.hostname);
    return request(url, {
      method: input.method ?? 'GET',
      headers: { 'user-agent': 'wheelhouse', ...input.headers },
      body: input.body ?? null,
      dispatcher: dispatcher(input.verifyTls),
      signal,
      headersTimeout: input.timeoutMs,
      bodyTimeout: input.timeoutMs,
    });
  };

  return {
    addresses,
    async send(input) {
      const timeout = AbortSignal.timeout(input.timeoutMs);
      const signal = input.signal ? AbortSignal.any([input.signal, timeout]) : timeout;
      const limit = input.maxBodyBytes ?? 1024 * 1024;
      let url = new URL(input.url);
      let current = input;
      for (let hop = 0; ; hop++) {
        const answer = await once(current, url, signal);
        const location = answer.headers.location;
        const redirect = [301, 302, 303, 307, 308].includes(answer.statusCode);
        if (redirect && typeof location === 'string' && (input.maxRedirects ?? 0) > 0) {
          await answer.body.dump();
          if (hop >= (input.maxRedirects ?? 0)) {
            throw new AppError('SERVICE_UNAVAILABLE', `More than ${input.maxRedirects} redirects.`);
          }
          const next = new URL(location, url);
          current = afterRedirect(current, answer.statusCode, next.origin !== url.origin);
          url = next;
          continue;
        }
        const { body, truncated } = await readBody(answer.body, limit);
        return {
          status: answer.statusCode,
          headers: answer.headers,
          body,
          truncated,
          url: url.href,
          tlsExpiresAt:
            url.protocol === 'https:'
              ? (certificates.get(`${url.hostname}:${url.port || 443}`) ?? null)
              : null,
        };
      }
    },
    async close() {
      // Open requests have their own time-outs; nobody waits for them here.
      await Promise.all([agent.destroy(), lenient?.destroy()]);
    },
  };
}

/** RFC 9110: 303 always, 301/302 after POST become GET; credentials do not follow to another origin. */
function afterRedirect(input: HttpRequest, status: number, otherOrigin: boolean): HttpRequest {
  const toGet = status === 303 || ((status === 301 || status === 302) && input.method === 'POST');
  const { body, ...rest } = input;
  const headers = Object.fromEntries(
    Object.entries(input.headers ?? {}).filter(
      ([name]) => !otherOrigin || !/^(authorization|cookie|proxy-authorization)$/i.test(name),
    ),
  );
  return toGet
    ? { ...rest, method: 'GET', headers }
    : { ...rest, ...(body === undefined ? {} : { body }), headers };
}

async function readBody(stream: AsyncIterable<Buffer>, limit: number) {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    size += chunk.length;
    // Leaving the loop destroys the stream, so an endless answer costs nothing more.
    if (size > limit) return { body: Buffer.concat(chunks).subarray(0, limit), truncated: true };
  }
  return { body: Buffer.concat(chunks), truncated: false };
}
