/**
 * The pages. Prerendered shells are read at start, compressed once, and answered from memory with the hashes of
 * their inline scripts in the Content-Security-Policy. What is left (client navigation payloads, next-auth) goes
 * to Next.js. Hashed assets are files with precompressed twins.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { setFrameworkEnvironment } from '../config.ts';
import type { Runtime } from '../runtime.ts';
import type { Identity } from './identity.ts';
import { sendProblem } from './problem.ts';
import { API_POLICY, contentSecurityPolicy, isSameOrigin } from './security.ts';
import { inlineScriptHashes, openPages, withoutFramework } from './shell.ts';

const brotli = promisify(brotliCompress);
const gzipped = promisify(gzip);
const AUTH_BODY_LIMIT = 64 * 1024;

type Shell = {
  html: Buffer;
  etag: string;
  policy: string;
  encoded: Partial<Record<'br' | 'gzip', Promise<Buffer>>>;
};

function loadShells(folder: string): Map<string, Shell> {
  const shells = new Map<string, Shell>();
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.html')) continue;
    const name = file.slice(0, -'.html'.length).split(path.sep).join('/');
    const route = name === 'index' ? '/' : `/${name}`;
    const built = readFileSync(path.join(folder, file), 'utf8');
    const html = openPages.has(route) ? withoutFramework(built) : built;
    shells.set(route, {
      html: Buffer.from(html),
      etag: `"${createHash('sha256').update(html).digest('base64url').slice(0, 22)}"`,
      policy: contentSecurityPolicy({ scripts: inlineScriptHashes(html), dev: false }),
      encoded: {},
    });
  }
  return shells;
}

/** Next's own record of the configuration that it was built with. */
function readBuiltConfig(root: string): unknown {
  const file = path.join(root, '.next/required-server-files.json');
  const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return typeof parsed === 'object' && parsed !== null && 'config' in parsed ? parsed.config : null;
}

export async function registerPages(
  app: FastifyInstance,
  runtime: Runtime,
  identity: Identity,
  origins: ReadonlySet<string>,
): Promise<{ close(): Promise<void> }> {
  const { config, log } = runtime;
  const root = path.resolve(import.meta.dirname, '../..');
  setFrameworkEnvironment(config.dev ? null : readBuiltConfig(root));
  const { default: createNext } = await import('next');
  // The plain server is enough where Fastify routes; the custom one adds a router process's worth of memory.
  const next = createNext({
    dev: config.dev,
    dir: root,
    quiet: true,
    customServer: config.dev,
    // Hot reload, and with it hydration in dev, is open to this host and to `localhost`.
    ...(config.dev && { hostname: config.HOST }),
  });
  await next.prepare();
  const nextHandler = next.getRequestHandler();
  const shells = config.dev
    ? new Map<string, Shell>()
    : loadShells(path.join(root, '.next/server/app'));

  const toNext = async (request: FastifyRequest, reply: FastifyReply, policy: string) => {
    reply.hijack();
    const { raw } = request;
    // next-auth builds its links from these; they are ours, whatever the client sent.
    const fixed = config.WHEELHOUSE_PUBLIC_URL ? new URL(config.WHEELHOUSE_PUBLIC_URL) : null;
    raw.headers['x-forwarded-host'] = fixed?.host ?? request.host;
    raw.headers['x-forwarded-proto'] = fixed?.protocol.replace(':', '') ?? request.protocol;
    raw.headers['x-wheelhouse-address'] = request.ip;
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) reply.raw.setHeader(name, value);
    }
    reply.raw.setHeader('content-security-policy', policy);
    await nextHandler(raw, reply.raw);
  };
  const sendShell = async (
    request: FastifyRequest,
    reply: FastifyReply,
    shell: Shell,
    status = 200,
  ) => {
    reply.headers({
      'content-security-policy': shell.policy,
      'cache-control': 'private, no-cache',
      'content-type': 'text/html; charset=utf-8',
      etag: shell.etag,
      vary: 'accept-encoding',
    });
    if (request.headers['if-none-match'] === shell.etag) return reply.code(304).send();
    const accepts = String(request.headers['accept-encoding'] ?? '');
    const encoding = /\bbr\b/.test(accepts) ? 'br' : /\bgzip\b/.test(accepts) ? 'gzip' : null;
    if (!encoding) return reply.code(status).send(shell.html);
    shell.encoded[encoding] ??=
      encoding === 'br'
        ? brotli(shell.html, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } })
        : gzipped(shell.html);
    const body = await shell.encoded[encoding];
    return reply.code(status).header('content-encoding', encoding).send(body);
  };

  /** Where a visitor without (or with) a session belongs instead; null to stay. */
  const detour = async (request: FastifyRequest, pathname: string): Promise<string | null> => {
    const signedIn = await identity
      .principal(request)
      .then((principal) => principal !== null)
      // The database is away: the page itself says so, and the token alone opens nothing but the shell.
      .catch(() => identity.hasSessionToken(request));
    if (openPages.has(pathname)) return signedIn && pathname === '/sign-in' ? '/' : null;
    if (signedIn) return null;
    const wanted = request.url === '/' ? '' : `?next=${encodeURIComponent(request.url)}`;
    return `/sign-in${wanted}`;
  };

  await app.register(fastifyStatic, {
    root: path.join(root, '.next/static'),
    prefix: '/_next/static/',
    preCompressed: !config.dev,
    immutable: true,
    maxAge: '365d',
    index: false,
    wildcard: !config.dev,
    decorateReply: false,
    setHeaders: (response) => {
      response.header('content-security-policy', API_POLICY);
    },
  });
  await app.register(fastifyStatic, {
    root: path.join(root, 'public'),
    prefix: '/',
    index: false,
    wildcard: false,
    cacheControl: false,
    setHeaders: (response, file) => {
      response.header('cache-control', 'public, no-cache');
      // A service worker may ask for what it keeps.
      if (file.endsWith('sw.js')) {
        response.header('content-security-policy', "default-src 'none'; connect-src 'self'");
      }
      if (file.endsWith('.svg'))
        response.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'");
    },
  });

  const devPolicy = contentSecurityPolicy({ scripts: [], dev: true });
  const strictPolicy = contentSecurityPolicy({ scripts: [], dev: false });
  await app.register(async (scope) => {
    // next-auth reads the body itself: leave it in the socket, but only a small one of known length.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    scope.addHook('onRequest', async (request, reply) => {
      if (!isSameOrigin(request, origins)) {
        return sendProblem(request, reply, 403, 'This request comes from another site.');
      }
      if (request.method !== 'POST') return;
      const length = request.headers['content-length'];
      if (length === undefined) return sendProblem(request, reply, 411, 'Send Content-Length.');
      if (Number(length) > AUTH_BODY_LIMIT) {
        return sendProblem(
          request,
          reply,
          413,
          'The request body is larger than this server accepts.',
        );
      }
    });
    for (const method of ['GET', 'POST'] as const) {
      scope.route({
        method,
        url: '/api/auth/*',
        handler: (request, reply) => toNext(request, reply, config.dev ? devPolicy : API_POLICY),
      });
    }
  });
  app.setNotFoundHandler(async (request, reply) => {
    const pathname = request.url.split('?')[0] ?? '/';
    const clean = pathname.length > 1 ? pathname.replace(/\/+$/, '') : pathname;
    if (config.dev) return toNext(request, reply, devPolicy);
    const payload = request.headers.rsc !== undefined || request.url.includes('_rsc=');
    const shell = shells.get(clean);
    if (
      (request.method !== 'GET' && request.method !== 'HEAD') ||
      /^\/(api|v1)(\/|$)/.test(clean) ||
      // Whoever asks for a probe by a wrong name is a program.
      (!shell && !payload && clean.startsWith('/health/'))
    ) {
      return sendProblem(request, reply, 404, `There is no ${request.method} ${clean}.`);
    }
    if (payload) return toNext(request, reply, strictPolicy);
    if (!shell) {
      const missing = shells.get('/_not-found');
      return missing
        ? sendShell(request, reply, missing, 404)
        : toNext(request, reply, strictPolicy);
    }
    const elsewhere = await detour(request, clean);
    if (elsewhere) return reply.header('cache-control', 'no-store').redirect(elsewhere, 302);
    return sendShell(request, reply, shell);
  });
  log.debug({ shells: [...shells.keys()] }, 'pages loaded');
  return { close: () => next.close() };
}
