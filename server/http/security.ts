/**
 * Headers, HTTPS and cross-site checks that hold for every response.
 *
 * CSP: scripts only from this origin and inline ones by the hash of what was prerendered; nothing from elsewhere.
 * CSRF: a request that changes state on the strength of a cookie must come from this origin, which browsers
 * state in `Origin` (and `Sec-Fetch-Site`) and pages of other origins cannot forge. Keys are sent on purpose, so
 * they need no such check.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';

export const STYLE_SOURCES = "'self' 'unsafe-inline'";

export function contentSecurityPolicy(options: {
  scripts: readonly string[];
  dev: boolean;
}): string {
  const scripts = ["'self'", ...options.scripts];
  // Hot reload evaluates code and inserts inline scripts; production never does.
  if (options.dev) scripts.push("'unsafe-eval'", "'unsafe-inline'");
  return [
    "default-src 'self'",
    `script-src ${scripts.join(' ')}`,
    `style-src ${STYLE_SOURCES}`,
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src 'self'${options.dev ? ' ws: wss:' : ''}`,
    "worker-src 'self'",
    "manifest-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** Of answers that are no pages. */
export const API_POLICY = "default-src 'none'; frame-ancestors 'none'";

export const HSTS = 'max-age=31536000; includeSubDomains';

export function setSecurityHeaders(reply: FastifyReply, options: { https: boolean }): void {
  reply.headers({
    'content-security-policy': API_POLICY,
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
  });
  if (options.https) reply.header('strict-transport-security', HSTS);
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether a request that rides on a cookie comes from our own pages. */
export function isSameOrigin(request: FastifyRequest, origins: ReadonlySet<string>): boolean {
  if (SAFE.has(request.method)) return true;
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  const { origin } = request.headers;
  if (origin === undefined) return false;
  return origins.has(origin) || origin === `${request.protocol}://${request.host}`;
}

/** Whether the socket itself, with no proxy in between, comes from this machine. */
export function isDirectLoopback(request: FastifyRequest): boolean {
  const address = request.socket.remoteAddress ?? '';
  if (!/^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/.test(address)) return false;
  return (
    request.headers['x-forwarded-for'] === undefined && request.headers.forwarded === undefined
  );
}
