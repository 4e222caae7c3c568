/**
 * Rate limits, before a body is parsed and before a key or session is looked up.
 *
 * Who proved lately who they are is known by a digest of what they send, so their own limit is asked at once. Everybody
 * else counts by address until the credentials turn out to be good. The address is that of the socket; headers of
 * proxies count only when the proxy is trusted (WHEELHOUSE_TRUSTED_PROXIES). Of an IPv6 address the network (/64)
 * counts, as whoever has one has all of it.
 */
import { hash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';
import { LRUCache } from 'lru-cache';
import type { Principal } from '../api/trpc.ts';
import {
  type Caller,
  describeTaken,
  type LimitState,
  type Limits,
  type Taken,
  type Wanted,
} from '../limits/index.ts';
import { type Identity, readCookie } from './identity.ts';
import { JWKS_PATH } from './jwks.ts';
import { sendProblem } from './problem.ts';
import { isDirectLoopback } from './security.ts';
import { procedureNames, TRPC_PREFIX } from './trpc.ts';

const KNOWN_MAX = 20_000;
const KNOWN_MS = 10 * 60_000;
const PENDING_MAX = 1_000;

const routes: readonly (readonly [prefix: string, rule: string])[] = [
  ['/v1/', 'ingest'],
  ['/api/v1/write', 'ingest'],
  ['/api/webhooks/', 'webhooks'],
  ['/api/heartbeat/', 'heartbeats'],
  ['/api/stream', 'streams'],
];

/** What a request counts as; null for what is not limited: probes, files, and metrics asked for on this machine. */
function wantedOf(request: FastifyRequest): Wanted | null {
  const { url } = request;
  if (url.startsWith(TRPC_PREFIX)) return { kind: 'procedures', names: procedureNames(url) };
  for (const [prefix, rule] of routes) {
    if (url.startsWith(prefix)) return { kind: 'route', rule };
  }
  if (url.startsWith('/apis')) return { kind: 'procedures', names: ['capacity.scaling.get'] };
  if (/^\/metrics(\?|$)/.test(url)) {
    return isDirectLoopback(request) ? null : { kind: 'route', rule: 'scrapes' };
  }
  // Pages have no route of their own.
  return request.is404 || url.startsWith('/api/') || url.startsWith(JWKS_PATH)
    ? { kind: 'page' }
    : null;
}

/** One address, or one IPv6 network of /64. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  if (!ipaddr.isValid(address)) return address.slice(0, 64);
  const parsed = ipaddr.process(address);
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString();
  return `${parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}

function callerOf(principal: Principal): Caller {
  const { id, name } = principal;
  return principal.kind === 'user'
    ? { kind: 'session', id, label: name }
    : { kind: 'key', id, label: name, perMinute: principal.ratePerMinute };
}

/** Answers the identity that all routes are to use: it notices when what was known is no longer good. */
export function registerLimits(
  app: FastifyInstance,
  limits: Limits,
  identity: Identity,
  cookieName: string,
): Identity {
  const known = new LRUCache<string, Caller>({ max: KNOWN_MAX, ttl: KNOWN_MS });
  const pending = new Map<string, Promise<unknown>>();
  const digestOf = (request: FastifyRequest): string | null => {
    const { authorization, cookie } = request.headers;
    const given = authorization ?? readCookie(cookie, cookieName);
    return given && given.length <= 8_192 ? hash('sha256', given, 'base64') : null;
  };
  const watched: Identity = {
    ...identity,
    async principal(request) {
      const principal = await identity.principal(request);
      const digest = digestOf(request);
      if (digest !== null) {
        if (principal) known.set(digest, callerOf(principal));
        else known.delete(digest);
      }
      return principal;
    },
  };
  /** Counts by address, and finds out who it is when there are credentials: no one is looked up for those who are refused. */
  const unknown = async (request: FastifyRequest, wanted: Wanted, digest: string | null) => {
    const id = networkOf(request.ip);
    const taken = await limits.ask(wanted, { kind: 'address', id, label: id });
    if (!taken.allowed || digest === null) return { taken, caller: null };
    const principal = await watched.principal(request).catch(() => null);
    return { taken, caller: principal ? callerOf(principal) : null };
  };
  /** As `unknown`; while credentials are looked up others that come with the same wait, and count as who they turn out to be. */
  const identify = async (request: FastifyRequest, wanted: Wanted, digest: string | null) => {
    if (digest === null) return unknown(request, wanted, null);
    const earlier = pending.get(digest);
    if (earlier) {
      await earlier;
      const caller = known.get(digest);
      return caller ? { taken: null, caller } : unknown(request, wanted, digest);
    }
    const work = unknown(request, wanted, digest);
    if (pending.size < PENDING_MAX) pending.set(digest, work);
    try {
      return await work;
    } finally {
      if (pending.get(digest) === work) pending.delete(digest);
    }
  };

  app.addHook('onRequest', async (request, reply) => {
    const wanted = wantedOf(request);
    if (!wanted) return;
    const digest = digestOf(request);
    let caller = digest === null ? undefined : known.get(digest);
    if (!caller) {
      const found = await identify(request, wanted, digest);
      const limits = found.taken ? describe(reply, found.taken) : [];
      if (found.taken && !found.taken.allowed) return refuse(request, reply, limits);
      if (!found.caller) return;
      caller = found.caller;
    }
    const asked = limits.ask(wanted, caller);
    const taken = asked instanceof Promise ? await asked : asked;
    const found = describe(reply, taken);
    if (!taken.allowed) return refuse(request, reply, found);
  });
  return watched;
}

const seconds = (ms: number) => Math.max(0, Math.ceil(ms / 1000));

/** `X-RateLimit-*` of the limit that is nearest, and the fields of draft-ietf-httpapi-ratelimit-headers-10 of all. */
function describe(reply: FastifyReply, taken: Taken): LimitState[] {
  const { allowed } = taken;
  const limits = describeTaken(taken);
  const [first] = limits;
  if (!first) return limits;
  let nearest = first;
  for (const limit of limits) {
    if (limit.waitMs > nearest.waitMs || (allowed && limit.remaining < nearest.remaining)) {
      nearest = limit;
    }
  }
  let policy = '';
  let state = '';
  for (const { name, perMinute, remaining, resetMs } of limits) {
    const mark = policy === '' ? '' : ', ';
    policy += `${mark}"${name}";q=${perMinute};w=60`;
    state += `${mark}"${name}";r=${remaining};t=${seconds(resetMs)}`;
  }
  reply.headers({
    'x-ratelimit-limit': String(nearest.perMinute),
    'x-ratelimit-remaining': String(nearest.remaining),
    'x-ratelimit-reset': String(seconds(nearest.resetMs)),
    'ratelimit-policy': policy,
    ratelimit: state,
  });
  return limits;
}

function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  limits: readonly LimitState[],
): FastifyReply {
  let by = limits[0];
  for (const limit of limits) if (limit.waitMs > (by?.waitMs ?? 0)) by = limit;
  const wait = Math.max(1, seconds(by?.waitMs ?? 0));
  reply.header('retry-after', String(wait));
  return sendProblem(
    request,
    reply,
    429,
    `Too many requests: the limit "${by?.name}" is ${by?.perMinute} a minute. Try again in ${wait} s.`,
  );
}
