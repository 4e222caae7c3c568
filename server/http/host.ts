/**
 * The HTTP host: Fastify in front of everything. One request id on every response, one log line a request,
 * security headers, HTTPS behind a TLS proxy, CORS closed but for a list, compression from 1 KB up, ETags,
 * limits and time-outs, and a drain in which readiness fails first.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import fastifyCompress from '@fastify/compress';
import fastifyCors from '@fastify/cors';
import fastifyEtag from '@fastify/etag';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { scopesOf } from '../api/trpc.ts';
import { newId } from '../platform/ids.ts';
import { PlainError } from '../platform/plain-error.ts';
import type { Runtime } from '../runtime.ts';
import { registerAlertmanager } from './alertmanager.ts';
import { registerExternalMetrics } from './external-metrics.ts';
import { registerHeartbeat } from './heartbeat.ts';
import { createIdentity, sessionCookieName } from './identity.ts';
import { registerJwks } from './jwks.ts';
import { registerLimits } from './limits.ts';
import { registerOtlp } from './otlp.ts';
import { registerPages } from './pages.ts';
import { registerProbes } from './probes.ts';
import { problemHandler, sendProblem } from './problem.ts';
import { registerRemoteWrite } from './remote-write.ts';
import { isDirectLoopback, setSecurityHeaders } from './security.ts';
import { registerStream } from './stream.ts';
import { readTrace } from './trace.ts';
import { procedureNames, registerTrpc, TRPC_PREFIX } from './trpc.ts';
import { registerUploads } from './uploads.ts';

export type Host = {
  /** Port that was bound. */
  port: number;
  /** Every method and pattern that has a handler, for who checks that each is guarded. */
  routes: readonly { method: string; url: string }[];
  /** Readiness fails first, open requests finish (up to the drain time-out), then connections end. */
  close(): Promise<void>;
};

declare module 'fastify' {
  interface FastifyRequest {
    /** Answered and counted when it opened; its end is no request's end. */
    streaming: boolean;
  }
}

const DRAIN_NOTICE_MS = 300;
/** The caller closed the connection before the answer was out (the number that nginx made common). */
const CALLER_LEFT = 499;
const PROBES = /^\/(livez|readyz|health\/(liveness|readiness|startup))/;
const QUIET = /^\/(livez|readyz|health\/(liveness|readiness|startup)|metrics|_next\/static\/)/;

export async function createHost(
  runtime: Runtime,
  options: { authSecret: string; secureCookies: boolean },
): Promise<Host> {
  const { config, clock, log } = runtime;
  await runtime.tokens.start();
  await runtime.drift.uploads.start();
  const state = { draining: false, started: false };
  const https = config.WHEELHOUSE_PUBLIC_URL?.startsWith('https:') ?? false;
  const app = Fastify({
    logger: false,
    trustProxy: config.WHEELHOUSE_TRUSTED_PROXIES ?? false,
    bodyLimit: config.WHEELHOUSE_BODY_LIMIT_BYTES,
    requestTimeout: 30_000,
    connectionTimeout: 0,
    keepAliveTimeout: 72_000,
    genReqId: () => newId(clock.now()),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 500 },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    // An address that cannot be decoded never reaches the hooks below.
    frameworkErrors(error, request, reply) {
      reply.header('x-request-id', request.id);
      setSecurityHeaders(reply, { https });
      sendProblem(request, reply, error.statusCode ?? 400, 'This address cannot be decoded.');
    },
  });
  const routes: { method: string; url: string }[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of Array.isArray(method) ? method : [method])
      routes.push({ method: each, url });
  });
  app.server.headersTimeout = 15_000;
  app.server.maxRequestsPerSocket = 0;
  app.setErrorHandler(problemHandler(log));

  const origins = new Set(
    config.WHEELHOUSE_PUBLIC_URL ? [new URL(config.WHEELHOUSE_PUBLIC_URL).origin] : [],
  );
  observe(app, runtime, { https, draining: () => state.draining });
  app.addHook('onRequest', async (request, reply) => {
    // Only a proxy that we trust can say that the client used TLS.
    if (!https || request.protocol === 'https' || PROBES.test(request.url)) return;
    if (isDirectLoopback(request)) return;
    if (request.method === 'GET' || request.method === 'HEAD') {
      return reply.redirect(`${config.WHEELHOUSE_PUBLIC_URL}${request.url}`, 308);
    }
    return sendProblem(request, reply, 403, 'This console is only served over HTTPS.');
  });
  await app.register(fastifyCors, {
    origin: config.WHEELHOUSE_ALLOWED_ORIGINS ?? false,
    methods: ['GET', 'POST'],
    allowedHeaders: ['authorization', 'content-type', 'traceparent', 'last-event-id'],
    exposedHeaders: [
      'x-request-id',
      'retry-after',
      'x-ratelimit-limit',
      'x-ratelimit-remaining',
      'x-ratelimit-reset',
      'ratelimit-policy',
      'ratelimit',
    ],
    credentials: false,
    maxAge: 600,
  });
  // After CORS, so that a page of an allowed origin can read that it was refused.
  const identity = registerLimits(
    app,
    runtime.limits,
    createIdentity({
      ...runtime,
      secret: options.authSecret,
      secureCookies: options.secureCookies,
    }),
    sessionCookieName(options.secureCookies),
  );
  await app.register(fastifyCompress, {
    threshold: 1024,
    encodings: ['br', 'gzip'],
    brotliOptions: { params: { 1: 4 } },
  });
  await app.register(fastifyEtag, { weak: true });

  registerProbes(app, runtime, {
    draining: () => state.draining,
    started: () => state.started,
  });
  app.get('/metrics', async (request, reply) => {
    if (!isDirectLoopback(request)) {
      const principal = await identity.principal(request);
      if (!principal || !scopesOf(principal).includes('metrics:read')) {
        const detail = request.refused?.detail ?? 'Send an API key with the scope metrics:read.';
        return sendProblem(request, reply, 401, detail);
      }
      const decision = runtime.policies.check(principal, 'metrics:read', 'query', request.ip);
      if (!decision.allowed) return sendProblem(request, reply, 403, decision.reason);
    }
    return reply
      .header('cache-control', 'no-store')
      .type(runtime.metrics.registry.contentType)
      .send(await runtime.metrics.exposition());
  });
  registerJwks(app, runtime);
  registerHeartbeat(app, runtime);
  registerAlertmanager(app, runtime, identity);
  registerOtlp(app, runtime, identity);
  registerRemoteWrite(app, runtime, identity);
  registerUploads(app, runtime, identity, origins);
  registerExternalMetrics(app, runtime, identity);
  const stream = registerStream(app, runtime, identity);
  await registerTrpc(app, runtime, identity, origins);
  const pages = await registerPages(app, runtime, identity, origins);

  try {
    await app.listen({ host: config.HOST, port: config.PORT });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'EADDRINUSE') {
      throw new PlainError(
        `Port ${config.PORT} on ${config.HOST} is in use; stop the other program or set PORT to another one.`,
      );
    }
    if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new PlainError(
        `Cannot listen on ${config.HOST} port ${config.PORT} (${String(code)}); check HOST and PORT.`,
      );
    }
    throw error;
  }
  state.started = true;
  const close = async () => {
    state.draining = true;
    stream.close();
    const deadline = clock.monotonicMs() + config.WHEELHOUSE_DRAIN_SECONDS * 1000;
    // The listener stays for a moment, so that a load balancer sees readiness fail before it is gone.
    await sleep(DRAIN_NOTICE_MS);
    while (runtime.metrics.recent().inFlight > 0 && clock.monotonicMs() < deadline) await sleep(25);
    const ended = app.close();
    app.server.closeAllConnections();
    await ended;
    await pages.close();
  };
  let closing: Promise<void> | null = null;
  const address = app.server.address();
  return {
    port: typeof address === 'object' && address ? address.port : config.PORT,
    routes,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** Request id, trace id, metrics and the one log line. */
function observe(
  app: FastifyInstance,
  runtime: Runtime,
  options: { https: boolean; draining: () => boolean },
): void {
  const { clock, log, metrics } = runtime;
  const { calls } = runtime.db;
  const { draining } = options;
  const procedures = new Set(Object.keys(runtime.router._def.procedures));
  app.decorateRequest('streaming', false);
  app.decorateRequest('principal', null);
  app.decorateRequest('refused', null);
  app.decorateRequest('keyUse', null);
  const started = new WeakMap<FastifyRequest, { at: number; traceId: string }>();
  app.addHook('onRequest', async (request, reply) => {
    started.set(request, {
      at: clock.monotonicMs(),
      traceId: readTrace(request.headers.traceparent),
    });
    metrics.requestStarted();
    reply.raw.once('close', () => ended(request, reply));
    if (draining()) reply.header('connection', 'close');
    reply.header('x-request-id', request.id);
    setSecurityHeaders(reply, options);
  });
  // Once before the credentials are looked up, and once after the body, whose reading goes by the socket's own events.
  const asCaller = (request: FastifyRequest, _reply: FastifyReply, done: () => void) =>
    calls.within(
      {
        kind: 'request',
        name: routeOf(request, procedures),
        requestId: request.id,
        traceId: started.get(request)?.traceId ?? null,
      },
      done,
    );
  app.addHook('onRequest', asCaller);
  app.addHook('preValidation', asCaller);
  /** A request by key counts as a use of it: each procedure of a batch, or the route. */
  const countKey = ({ keyUse, ip, url }: FastifyRequest, route: string, status: number) => {
    if (!keyUse) return;
    const asked = route.startsWith(TRPC_PREFIX)
      ? procedureNames(url).map((name) => (procedures.has(name) ? name : 'unknown'))
      : [route];
    const refused = status === 401 || status === 403 || status === 429;
    runtime.keys.count(keyUse, { procedures: [...new Set(asked)], address: ip, refused });
  };
  // Not `onResponse`, which never comes when the caller goes away before the answer.
  const ended = (request: FastifyRequest, reply: FastifyReply) => {
    const begun = started.get(request);
    if (!begun || request.streaming) return;
    const seconds = (clock.monotonicMs() - begun.at) / 1000;
    const route = routeOf(request, procedures);
    const status = reply.raw.writableFinished ? reply.raw.statusCode : CALLER_LEFT;
    metrics.requestEnded({ method: request.method, route, status }, seconds);
    countKey(request, route, status);
    // What a flood is refused is counted, and would only flood the log.
    const quiet = status === 429 || QUIET.test(request.url);
    const level = status >= 500 ? 'warn' : quiet ? 'debug' : 'info';
    log[level](
      {
        requestId: request.id,
        traceId: begun.traceId,
        method: request.method,
        // The token in the path is what opens it.
        path: route.startsWith('/api/heartbeat/') ? route : request.url.split('?')[0],
        route,
        status,
        durationMs: Math.round(seconds * 1e5) / 100,
        address: request.ip,
        principal: request.principal?.id,
      },
      'request',
    );
  };
}

/** A label with few values: the route's pattern, and for tRPC the procedure when it is one that exists. */
function routeOf(request: FastifyRequest, procedures: ReadonlySet<string>): string {
  const pattern = request.routeOptions.url;
  if (pattern === undefined || pattern === '/*' || pattern === '*') return 'page';
  if (!pattern.startsWith(TRPC_PREFIX)) return pattern;
  const name = request.url.slice(TRPC_PREFIX.length).split('?')[0] ?? '';
  if (procedures.has(name)) return TRPC_PREFIX + name;
  return TRPC_PREFIX + (/,|%2C/i.test(name) ? 'batch' : 'unknown');
}
