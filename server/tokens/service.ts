import { hash } from 'node:crypto';
import { compactVerify, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Page } from '../api/contract.ts';
import { mayGrant, unknownScopes } from '../api/scopes.ts';
import { type MachinePrincipal, type Principal, scopesOf } from '../api/trpc.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Secrets } from '../platform/secrets.ts';
import { ALGORITHM, type Claims, judge, madeAtMs, readClaims, readHeader } from './claims.ts';
import {
  AUDIENCE,
  type CheckAnswer,
  CLOCK_TOLERANCE_SECONDS,
  type IssuedItem,
  type IssueInput,
  type Refusal,
  type RevocationItem,
  type RevocationListInput,
  type RevokeInput,
  ROTATE_AFTER_DAYS,
  type SigningKeyItem,
  type TokenListInput,
  TTL_MAX_SECONDS,
} from './contract.ts';
import { listIssued, listKeys, listRevocations } from './lists.ts';
import { MARGIN_MS, type NewRevocation, type Revocations } from './revocations.ts';
import { createSigning, type Signing } from './signing.ts';

const VERIFIED_MAX = 5_000;
const VERIFIED_MS = 30_000;
const KEYS_EVERY_MS = 5_000;
const KEEP_ISSUED_DAYS = 30;

export type TokenPrincipal = Extract<MachinePrincipal, { kind: 'token' }>;
export type Verified = TokenPrincipal | { refused: Refusal };
export type Tokens = {
  /** Loads keys and revocations; before anything is asked. Never throws. */
  start(): Promise<void>;
  /** Who a token stands for, or why it does not count. Asks nothing but memory. */
  verify(token: string): Promise<Verified>;
  /** Whether a token that was verified before still counts; also while revocations are unknown. */
  alive(principal: TokenPrincipal): boolean;
  check(token: string): Promise<CheckAnswer>;
  issue(
    authority: Authority,
    by: Principal | null,
    input: IssueInput,
  ): Promise<{ token: string; jti: string; expiresAt: string }>;
  revoke(authority: Authority, input: RevokeInput): Promise<{ revoked: number }>;
  list(input: TokenListInput): Promise<Page<IssuedItem>>;
  revocationList(input: RevocationListInput): Promise<Page<RevocationItem>>;
  keys(): Promise<{ keys: SigningKeyItem[] }>;
  rotateKey(authority: Authority): Promise<{ kid: string }>;
  /** Rotates when the current key is due. */
  rotateWhenDue(): Promise<boolean>;
  purge(): Promise<void>;
  /** The public keys as JWKS (RFC 7517). */
  jwks(): { keys: ReturnType<Signing['published']> };
  ready(): { loaded: boolean; detail: string };
  onRevoked(handler: () => void): () => void;
  close(): void;
};

export function createTokens(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  log: Log;
  secrets: Secrets;
  metrics: Metrics;
  revocations: Revocations;
  issuer: string;
  procedures: () => ReadonlySet<string>;
  makeId?: (now: Date) => string;
}): Tokens {
  const { db, bus, audit, clock, log, revocations, issuer } = deps;
  const makeId = deps.makeId ?? newId;
  const signing = createSigning(deps);
  // Signatures that were found good; whether the token still counts is asked each time.
  const verified = new LRUCache<string, Claims>({ max: VERIFIED_MAX, ttl: VERIFIED_MS });
  const onLook = deps.metrics.cache('token-signatures');
  let keysLoaded = false;
  const refreshKeys = async () => {
    try {
      await signing.refresh();
      keysLoaded = true;
    } catch (err) {
      log.debug({ err }, 'signing keys could not be read');
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const stopListening = bus.on('tokens', ({ type }) => {
    if (timer && type === 'keys') void refreshKeys();
  });
  const announceKeys = async () => {
    await refreshKeys();
    bus.publish({ topic: 'tokens', type: 'keys' });
  };

  const claimsOf = async (token: string): Promise<Claims | { refused: Refusal }> => {
    const header = readHeader(token);
    if ('refused' in header) return header;
    const known = signing.find(header.kid);
    if (!known) return { refused: 'unknown_key' };
    if (known.compromised || revocations.isKeyRevoked(header.kid)) return { refused: 'revoked' };
    const digest = hash('sha256', token, 'base64');
    const seen = verified.get(digest);
    onLook(seen ? 'hit' : 'miss');
    if (seen) return seen;
    const payload = await compactVerify(token, known.key, { algorithms: [ALGORITHM] }).then(
      (answer) => answer.payload,
      () => null,
    );
    if (!payload) return { refused: 'signature' };
    const claims = readClaims(payload);
    if (!claims) return { refused: 'malformed' };
    verified.set(digest, claims);
    return claims;
  };
  const isRevoked = (jti: string, subject: string, issuer: string) =>
    revocations.isRevoked(jti) ||
    revocations.isSubjectRevoked(subject, madeAtMs(jti)) ||
    revocations.isIssuerRevoked(issuer, madeAtMs(jti));
  const verify = async (token: string): Promise<Verified> => {
    const claims = await claimsOf(token);
    if ('refused' in claims) return claims;
    const refused = judge(claims, issuer, clock.now());
    if (refused) return { refused };
    if (isRevoked(claims.jti, claims.sub, claims.by)) return { refused: 'revoked' };
    if (!revocations.known()) return { refused: 'revocations_unknown' };
    return {
      kind: 'token',
      id: claims.jti,
      name: claims.sub,
      role: claims.role,
      scopes: claims.scopes,
      expiresAt: new Date(claims.exp * 1000),
      issuer: claims.by,
    };
  };

  const issue = async (
    authority: Authority,
    principal: Principal | null,
    { subject, scopes, role, ttlSeconds }: IssueInput,
  ) => {
    if (principal?.kind === 'token') {
      throw new AppError('FORBIDDEN', 'A token cannot issue tokens: it would outlive itself.');
    }
    if (principal && !mayGrant(scopesOf(principal), scopes)) {
      throw new AppError('FORBIDDEN', 'A key with scopes can only issue tokens within them.');
    }
    const unknown = unknownScopes(scopes, [...deps.procedures()]);
    if (unknown.length > 0) {
      const message = `No procedure is named by ${unknown.join(', ')}`;
      throw new AppError('BAD_REQUEST', message, { fields: [{ path: 'scopes', message }] });
    }
    const now = clock.now();
    const jti = makeId(now);
    const issuedAt = Math.floor(now.getTime() / 1000);
    const expiresAt = new Date((issuedAt + ttlSeconds) * 1000);
    const actor = authority.actor;
    const issuedBy = actor.name;
    const by = `${actor.kind}:${actor.id ?? issuedBy}`;
    const token = await db.tx(async (tx) => {
      const { kid, key } = await signing.current(tx);
      await tx.issuedToken.create({
        data: { jti, kid, subject, scopes, role, issuedBy, issuer: by, issuedAt: now, expiresAt },
        select: { jti: true },
      });
      const signed = await new SignJWT({
        scopes,
        role,
        by,
      })
        .setProtectedHeader({ alg: ALGORITHM, kid, typ: 'JWT' })
        .setIssuer(issuer)
        .setAudience(AUDIENCE)
        .setSubject(subject)
        .setJti(jti)
        .setIssuedAt(issuedAt)
        .setNotBefore(issuedAt)
        .setExpirationTime(expiresAt)
        .sign(key);
      await audit.append(tx, authority, {
        action: 'tokens.issue',
        target: { kind: 'token', id: jti, name: subject },
        after: { subject, scopes, role, kid, expiresAt: expiresAt.toISOString() },
      });
      return signed;
    });
    bus.publish({ topic: 'tokens', type: 'issued' });
    return { token, jti, expiresAt: expiresAt.toISOString() };
  };

  /** Marks the tokens that `where` finds, and says until when the last of them would have counted. */
  const mark = async (
    tx: Tx,
    where: { jti: string } | { subject: string } | { kid: string },
    reason: string,
  ) => {
    const now = clock.now();
    const found = await tx.issuedToken.findMany({
      where: { ...where, expiresAt: { gt: now }, revokedAt: null },
      select: { issuedAt: true, expiresAt: true },
    });
    await tx.issuedToken.updateMany({
      where: { ...where, expiresAt: { gt: now }, revokedAt: null },
      data: { revokedAt: now, revokeReason: reason },
    });
    const last = (dates: Date[]) => new Date(Math.max(now.getTime(), ...dates.map(Number)));
    return {
      count: found.length,
      // Clocks of replicas differ: whatever was issued is covered, also by one that is ahead.
      until: last(found.map(({ issuedAt }) => issuedAt)),
      expiresAt: new Date(last(found.map((token) => token.expiresAt)).getTime() + MARGIN_MS),
    };
  };
  const revoke = async (authority: Authority, input: RevokeInput) => {
    const { reason } = input;
    const revokedBy = authority.actor.name;
    const { entry, count } = await db.tx(async (tx) => {
      let entry: NewRevocation;
      let count: number;
      let name: string | null = null;
      if ('jti' in input) {
        const token = await tx.issuedToken.findUnique({
          where: { jti: input.jti },
          select: { subject: true },
        });
        if (!token) throw new AppError('NOT_FOUND', 'There is no such token.');
        name = token.subject;
        const marked = await mark(tx, { jti: input.jti }, reason);
        count = marked.count;
        entry = { kind: 'token', target: input.jti, reason, revokedBy, ...times(marked) };
      } else if ('subject' in input) {
        const marked = await mark(tx, { subject: input.subject }, reason);
        count = marked.count;
        // Tokens that are being issued at this moment live as long as any.
        const latest = new Date(clock.now().getTime() + TTL_MAX_SECONDS * 1000 + MARGIN_MS);
        const base = { kind: 'subject' as const, target: input.subject, reason, revokedBy };
        entry = { ...base, until: marked.until, expiresAt: latest };
      } else {
        const { kid } = input;
        const key = await tx.tokenSigningKey.findUnique({
          where: { kid },
          select: { revokedAt: true },
        });
        if (!key) throw new AppError('NOT_FOUND', 'There is no such signing key.');
        // First the key, so that nothing is signed with it after its tokens were counted.
        if (!key.revokedAt) await signing.rotate(tx, kid);
        const marked = await mark(tx, { kid }, reason);
        count = marked.count;
        entry = { kind: 'key', target: kid, reason, revokedBy, ...times(marked) };
      }
      await revocations.add(tx, [entry]);
      await audit.append(tx, authority, {
        action: 'tokens.revoke',
        target: { kind: entry.kind, id: entry.target, name },
        after: { reason, tokens: count },
      });
      return { entry, count };
    });
    revocations.announce([entry]);
    if (entry.kind === 'key') await announceKeys();
    return { revoked: count };
  };

  const rotateKey = async (authority: Authority) => {
    const { kid } = await db.tx(async (tx) => {
      const rotated = await signing.rotate(tx);
      await audit.append(tx, authority, {
        action: 'tokens.rotateKey',
        target: { kind: 'signing key', id: rotated.kid, name: null },
        before: { kid: rotated.retired },
        after: { kid: rotated.kid },
      });
      return rotated;
    });
    await announceKeys();
    return { kid };
  };

  return {
    async start() {
      timer ??= setInterval(refreshKeys, KEYS_EVERY_MS).unref();
      await Promise.all([refreshKeys(), revocations.start()]);
    },
    verify,
    alive: ({ id, name, issuer, expiresAt }) =>
      !isRevoked(id, name, issuer) &&
      expiresAt.getTime() + CLOCK_TOLERANCE_SECONDS * 1000 > clock.now().getTime(),
    async check(token) {
      const found = await verify(token);
      if ('refused' in found) return { valid: false, reason: found.refused };
      const { id, name, role, scopes, expiresAt } = found;
      return {
        valid: true,
        jti: id,
        subject: name,
        scopes: [...scopes],
        role,
        expiresAt: expiresAt.toISOString(),
      };
    },
    issue,
    revoke,
    list: (input) => listIssued(db, clock.now(), input),
    revocationList: (input) => listRevocations(db, input),
    keys: async () => ({ keys: await listKeys(db, clock.now()) }),
    rotateKey,
    async rotateWhenDue() {
      const before = new Date(clock.now().getTime() - ROTATE_AFTER_DAYS * 86_400_000);
      const due = await db.prisma.tokenSigningKey.findFirst({
        where: { state: 'current', activatedAt: { lte: before } },
        select: { kid: true },
      });
      if (!due) return false;
      await rotateKey({
        actor: { kind: 'system', id: null, name: 'rotation' },
        rule: `every ${ROTATE_AFTER_DAYS} days`,
        requestId: null,
      });
      return true;
    },
    async purge() {
      await revocations.purge();
      const before = new Date(clock.now().getTime() - KEEP_ISSUED_DAYS * 86_400_000);
      await db.prisma.issuedToken.deleteMany({ where: { expiresAt: { lt: before } } });
      if ((await db.tx((tx) => signing.prune(tx))) > 0) await announceKeys();
    },
    jwks: () => ({ keys: signing.published() }),
    ready() {
      const { loaded, count } = revocations.figures();
      const ok = loaded && keysLoaded;
      return { loaded: ok, detail: ok ? `${count} known` : 'not read yet' };
    },
    onRevoked: (handler) =>
      bus.on('tokens', ({ type }) => {
        if (type === 'revoked') handler();
      }),
    close() {
      clearInterval(timer);
      timer = undefined;
      stopListening();
      revocations.close();
    },
  };
}

const times = ({ until, expiresAt }: { until: Date; expiresAt: Date }) => ({ until, expiresAt });
