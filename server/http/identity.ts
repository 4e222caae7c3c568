/** Who asks: an API key in `Authorization: Bearer`, or the session cookie that next-auth set. */
import type { FastifyRequest } from 'fastify';
import { decode } from 'next-auth/jwt';
import type { Principal } from '../api/trpc.ts';
import { type Keys, type KeyUse, refusalTexts } from '../keys/index.ts';
import { createBriefCache } from '../platform/brief-cache.ts';
import type { Clock } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Sessions } from '../sessions/index.ts';
import { refusals } from '../tokens/contract.ts';
import type { Tokens } from '../tokens/index.ts';

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal | null;
    /**
     * Why the credentials that were sent are not good, as a word for programs and a sentence for people; null before they
     * were looked at, and when none were sent.
     */
    refused: { reason: string; detail: string } | null;
    /** The version of a key that was sent, also when it is refused. */
    keyUse: KeyUse | null;
  }
}

export type Identity = {
  /**
   * Null when there are no credentials or they are not good; `request.refused` then says why. Throws when the database
   * cannot be asked.
   */
  principal(request: FastifyRequest): Promise<Principal | null>;
  /** The token is ours and not past its end; says nothing about revocation. Needs no database. */
  hasSessionToken(request: FastifyRequest): Promise<boolean>;
};

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function sessionCookieName(secure: boolean): string {
  return secure ? '__Secure-next-auth.session-token' : 'next-auth.session-token';
}

/** Reads one cookie; a token that next-auth had to split arrives as `name.0`, `name.1`, … */
export function readCookie(header: string | undefined, name: string): string | null {
  if (!header) return null;
  const cookies = new Map<string, string>();
  for (const part of header.split(';')) {
    const at = part.indexOf('=');
    if (at > 0) cookies.set(part.slice(0, at).trim(), part.slice(at + 1).trim());
  }
  const whole = cookies.get(name);
  if (whole !== undefined) return whole;
  let joined = '';
  for (let i = 0; i < 8; i++) {
    const piece = cookies.get(`${name}.${i}`);
    if (piece === undefined) break;
    joined += piece;
  }
  return joined || null;
}

export function createIdentity(deps: {
  sessions: Sessions;
  keys: Keys;
  tokens: Pick<Tokens, 'verify'>;
  clock: Clock;
  metrics: Metrics;
  secret: string;
  secureCookies: boolean;
}): Identity {
  const cookie = sessionCookieName(deps.secureCookies);
  // Decrypting costs more than a map look-up; the session behind the token is asked for every time.
  const decoded = createBriefCache<string | null>({
    ttlMs: 10_000,
    max: 5_000,
    clock: deps.clock,
    onLook: deps.metrics.cache('tokens'),
  });
  const sessionId = async (request: FastifyRequest) => {
    const token = readCookie(request.headers.cookie, cookie);
    if (!token || token.length > 8_192) return null;
    return decoded.get(token, async () => {
      const payload = await decode({ token, secret: deps.secret }).catch(() => null);
      const sid = payload?.sid;
      return typeof sid === 'string' && UUID.test(sid) ? sid : null;
    });
  };
  const token = async (request: FastifyRequest, text: string) => {
    const verified = await deps.tokens.verify(text);
    if (!('refused' in verified)) {
      request.refused = null;
      return verified;
    }
    const detail = refusals[verified.refused];
    if (verified.refused === 'revocations_unknown') {
      throw new AppError('SERVICE_UNAVAILABLE', detail);
    }
    request.refused = { reason: verified.refused, detail };
    return null;
  };
  return {
    async principal(request) {
      const bearer = request.headers.authorization;
      if (bearer !== undefined) {
        const match = /^Bearer ([^\s]{1,8192})$/i.exec(bearer);
        if (match?.[1]?.startsWith('eyJ')) return token(request, match[1]);
        const verified = await deps.keys.verify(match?.[1] ?? '', request.ip);
        request.keyUse = verified.use;
        const principal = 'principal' in verified ? verified.principal : null;
        request.refused =
          'refused' in verified
            ? { reason: verified.refused, detail: refusalTexts[verified.refused] }
            : null;
        return principal;
      }
      const id = await sessionId(request);
      return id ? deps.sessions.resolve(id) : null;
    },
    hasSessionToken: async (request) => (await sessionId(request)) !== null,
  };
}
