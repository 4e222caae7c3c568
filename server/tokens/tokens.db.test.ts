/** Tokens against real PostgreSQL: issuing, checking, rotating, revoking, and what an attacker would send. */
import { createHmac, randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose';
import { describe, expect, test, vi } from 'vitest';
import { manualClock } from '../platform/clock.ts';
import { testAuthority } from '../platform/testing/host.ts';
import { testRuntime } from '../platform/testing/index.ts';
import { AUDIENCE, issueSchema, type Refusal, TOKEN_MAX_CHARACTERS } from './contract.ts';
import { createRevocations, createTokens } from './index.ts';

const clock = manualClock('2026-03-01T12:00:00Z');
const runtime = await testRuntime({ clock });
const { tokens, db } = runtime;
await tokens.start();
/** Time passes, and the next look at the revocations comes. */
const pass = async (ms: number) => {
  clock.advance(ms);
  await runtime.revocations.refresh();
};
const input = (more: object = {}) => issueSchema.parse({ subject: 'worker', scopes: [], ...more });
const issue = (more: object = {}) => tokens.issue(testAuthority, null, input(more));
const revoke = (what: Parameters<typeof tokens.revoke>[1]) => tokens.revoke(testAuthority, what);
const reasonOf = async (token: string): Promise<Refusal | 'valid'> => {
  const answer = await tokens.check(token);
  return answer.valid ? 'valid' : answer.reason;
};
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const partsOf = (token: string) => {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const read = (text: string) => JSON.parse(Buffer.from(text, 'base64url').toString());
  return { header: read(header), claims: read(payload), payload, signature };
};
/** A token with other claims or header, signed by the console's own current key: only the claims are wrong. */
async function forged(change: object, header: object = {}): Promise<string> {
  const key = await db.prisma.tokenSigningKey.findFirstOrThrow({ where: { state: 'current' } });
  const jwk = JSON.parse(runtime.secrets.open(key.privateJwk ?? '', `tokens.signing:${key.kid}`));
  const { claims } = partsOf((await issue()).token);
  return new SignJWT({ ...claims, ...change })
    .setProtectedHeader({ alg: 'EdDSA', kid: key.kid, ...header })
    .sign(await importJWK(jwk, 'EdDSA'), { crit: { x: true } });
}

describe('a token', () => {
  test('says who, what for and how long, and counts until it ends', async () => {
    const made = await issue({
      scopes: ['ingest', 'breakers.*'],
      role: 'operator',
      ttlSeconds: 60,
    });
    expect(made.expiresAt).toBe('2026-03-01T12:01:00.000Z');
    expect(await tokens.check(made.token)).toEqual({
      valid: true,
      jti: made.jti,
      subject: 'worker',
      scopes: ['ingest', 'breakers.*'],
      role: 'operator',
      expiresAt: made.expiresAt,
    });
    const { header, claims } = partsOf(made.token);
    expect(header).toEqual({ alg: 'EdDSA', typ: 'JWT', kid: expect.stringMatching(/^[\w-]{16}$/) });
    expect(claims).toMatchObject({
      iss: 'wheelhouse',
      aud: AUDIENCE,
      sub: 'worker',
      by: 'system:test',
    });
    expect(claims.exp - claims.iat).toBe(60);
    await pass(64_000);
    expect(await reasonOf(made.token)).toBe('valid');
    await pass(1_000);
    expect(await reasonOf(made.token)).toBe('expired');
  });
  test('lasts from one second to a day, a quarter of an hour unless told otherwise', () => {
    expect(input().ttlSeconds).toBe(900);
    expect(input().role).toBe('viewer');
    for (const ttlSeconds of [0, -1, 1.5, 86_401, Number.NaN])
      expect([ttlSeconds, issueSchema.safeParse({ ...input(), ttlSeconds }).success]).toEqual([
        ttlSeconds,
        false,
      ]);
  });
  test('is never stored, and issuing it stands in the audit', async () => {
    const made = await issue({ subject: 'audited' });
    const item = (await tokens.list({ limit: 1 })).items[0];
    expect(item).toMatchObject({
      jti: made.jti,
      subject: 'audited',
      state: 'active',
      issuedBy: 'test',
    });
    const [, , signature = ''] = made.token.split('.');
    const entries = await db.prisma.auditEntry.findMany({ where: { targetId: made.jti } });
    expect(entries).toMatchObject([
      { action: 'tokens.issue', targetKind: 'token', targetName: 'audited' },
    ]);
    expect(
      JSON.stringify([item, entries], (_k, v) => (typeof v === 'bigint' ? String(v) : v)),
    ).not.toContain(signature);
  });
  test('cannot be made twice with the same jti', async () => {
    const id = randomUUID();
    const same = createTokens({
      ...runtime,
      revocations: { ...noRevocations },
      issuer: 'wheelhouse',
      procedures: () => new Set(),
      makeId: () => id,
    });
    await same.start();
    await same.issue(testAuthority, null, input());
    await expect(same.issue(testAuthority, null, input())).rejects.toThrow(/unique/i);
    expect(await db.prisma.issuedToken.count({ where: { jti: id } })).toBe(1);
    same.close();
  });
  test('cannot be issued by a token, nor past the scopes of a key', async () => {
    const base = { id: randomUUID(), versionId: randomUUID(), name: 'x', role: 'admin' as const };
    const by = { ...base, kind: 'token' as const, scopes: [], expiresAt: clock.now(), issuer: '' };
    await expect(tokens.issue(testAuthority, by, input())).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    const key = { ...base, kind: 'key' as const, scopes: ['tokens.issue', 'system.*'] };
    for (const scopes of [[], ['keys.create'], ['ingest', 'system.info']]) {
      await expect(tokens.issue(testAuthority, key, input({ scopes }))).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
    }
    const made = await tokens.issue(testAuthority, key, input({ scopes: ['system.info'] }));
    expect(await reasonOf(made.token)).toBe('valid');
    await expect(issue({ scopes: ['nothing.there'] })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
  });
});

const noRevocations = {
  start: async () => undefined,
  isRevoked: () => false,
  isSubjectRevoked: () => false,
  isKeyRevoked: () => false,
  isIssuerRevoked: () => false,
  endIssuedBy: async () => [],
  known: () => true,
  add: async () => undefined,
  announce: () => undefined,
  refresh: async () => undefined,
  figures: () => ({ loaded: true, count: 0, bytes: 0, ageMs: 0 }),
  purge: async () => 0,
  close: () => undefined,
};

describe('what an attacker sends', () => {
  test.each<[string, (token: string) => string | Promise<string>, Refusal]>([
    [
      'alg none without a signature',
      (t) => `${part({ alg: 'none' })}.${partsOf(t).payload}.`,
      'algorithm',
    ],
    [
      'alg none under our kid',
      (t) =>
        `${part({ ...partsOf(t).header, alg: 'none' })}.${partsOf(t).payload}.${partsOf(t).signature}`,
      'algorithm',
    ],
    [
      'HS256 with the public key as the secret',
      (t) => {
        const { header, payload } = partsOf(t);
        const { x } = tokens.jwks().keys.find(({ kid }) => kid === header.kid) ?? { x: '' };
        const signed = `${part({ ...header, alg: 'HS256' })}.${payload}`;
        const mac = createHmac('sha256', Buffer.from(x, 'base64url')).update(signed);
        return `${signed}.${mac.digest('base64url')}`;
      },
      'algorithm',
    ],
    [
      'RS256',
      (t) => `${part({ ...partsOf(t).header, alg: 'RS256' })}.${partsOf(t).payload}.x`,
      'algorithm',
    ],
    [
      'a payload that was changed',
      (t) => {
        const { header, claims, signature } = partsOf(t);
        return `${part(header)}.${part({ ...claims, role: 'admin' })}.${signature}`;
      },
      'signature',
    ],
    ['no signature', (t) => t.slice(0, t.lastIndexOf('.') + 1), 'signature'],
    [
      'a signature with one bit changed',
      (t) => t.slice(0, -3) + (t.at(-3) === 'A' ? 'B' : 'A') + t.slice(-2),
      'signature',
    ],
    [
      'a key of their own under our kid',
      (t) => signedElsewhere(partsOf(t).header.kid, partsOf(t).claims),
      'signature',
    ],
    [
      'a key of their own in the header',
      async (t) => {
        const { publicKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
        const { payload, signature } = partsOf(t);
        return `${part({ alg: 'EdDSA', jwk: await exportJWK(publicKey) })}.${payload}.${signature}`;
      },
      'unknown_key',
    ],
    [
      'a kid that climbs',
      (t) => signedElsewhere('../../../../dev/null', partsOf(t).claims),
      'unknown_key',
    ],
    ['a kid with SQL', (t) => signedElsewhere("x' OR '1'='1", partsOf(t).claims), 'unknown_key'],
    [
      'the name of a prototype as kid',
      (t) => signedElsewhere('__proto__', partsOf(t).claims),
      'unknown_key',
    ],
    [
      'a kid that is no text',
      (t) => `${part({ alg: 'EdDSA', kid: { $ne: 1 } })}.${partsOf(t).payload}.x`,
      'malformed',
    ],
    ['another issuer', () => forged({ iss: 'https://evil.example' }), 'issuer'],
    ['another audience', () => forged({ aud: 'somebody else' }), 'audience'],
    ['a list of audiences', () => forged({ aud: [AUDIENCE, 'x'] }), 'malformed'],
    ['no end', () => forged({ exp: undefined }), 'malformed'],
    ['an end that is no number', () => forged({ exp: '9999999999' }), 'malformed'],
    ['no jti', () => forged({ jti: undefined }), 'malformed'],
    ['a role that there is not', () => forged({ role: 'root' }), 'malformed'],
    ['a critical extension', () => forged({}, { crit: ['x'], x: 1 }), 'signature'],
    ['an end that has passed', () => forged({ exp: clock.now().getTime() / 1000 - 5 }), 'expired'],
    [
      'a beginning to come',
      () => forged({ nbf: clock.now().getTime() / 1000 + 6 }),
      'not_yet_valid',
    ],
    ['10 MB', (t) => t + 'A'.repeat(10_000_000), 'malformed'],
    ['one character too many', (t) => t.padEnd(TOKEN_MAX_CHARACTERS + 1, 'A'), 'malformed'],
    ['a header that is no JSON', () => 'eyJ.eyJ.eyJ', 'malformed'],
    ['nothing', () => '', 'malformed'],
    ['dots', () => '..', 'malformed'],
  ])('%s: refused', async (_name, make, refusal) => {
    const good = (await issue()).token;
    expect(await reasonOf(await make(good))).toBe(refusal);
    expect(await reasonOf(good)).toBe('valid');
  });
  test('clocks may be five seconds apart, not six', async () => {
    const now = clock.now().getTime() / 1000;
    expect(await reasonOf(await forged({ nbf: now + 5, iat: now + 5 }))).toBe('valid');
    expect(await reasonOf(await forged({ exp: now - 4 }))).toBe('valid');
  });
});

async function signedElsewhere(kid: string, claims: object): Promise<string> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
  return new SignJWT({ ...claims }).setProtectedHeader({ alg: 'EdDSA', kid }).sign(privateKey);
}

describe('revocation', () => {
  test('of one token: at once, for good, and once in the audit', async () => {
    const [made, other] = [await issue(), await issue()];
    expect(await reasonOf(made.token)).toBe('valid');
    expect(await revoke({ jti: made.jti, reason: 'leaked' })).toEqual({ revoked: 1 });
    expect(await reasonOf(made.token)).toBe('revoked');
    expect(await reasonOf(other.token)).toBe('valid');
    expect(await revoke({ jti: made.jti, reason: 'again' })).toEqual({ revoked: 0 });
    expect((await tokens.list({ limit: 1, state: 'revoked' })).items[0]).toMatchObject({
      jti: made.jti,
      state: 'revoked',
      revokeReason: 'leaked',
    });
    const entries = await db.prisma.auditEntry.findMany({
      where: { targetId: made.jti, action: 'tokens.revoke' },
      select: { after: true },
    });
    expect(entries.map(({ after }) => after)).toEqual([
      { reason: 'leaked', tokens: 1 },
      { reason: 'again', tokens: 0 },
    ]);
    await expect(revoke({ jti: randomUUID(), reason: 'x' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
  test('of a subject: everything until now, nothing that is issued later', async () => {
    const [a, b, other] = [
      await issue({ subject: 's' }),
      await issue({ subject: 's' }),
      await issue(),
    ];
    expect(await revoke({ subject: 's', reason: 'left' })).toEqual({ revoked: 2 });
    expect(await Promise.all([a, b, other].map(({ token }) => reasonOf(token)))).toEqual([
      'revoked',
      'revoked',
      'valid',
    ]);
    await pass(1);
    expect(await reasonOf((await issue({ subject: 's' })).token)).toBe('valid');
  });
  test('of a subject covers what a replica with a fast clock issued', async () => {
    const ahead = manualClock(new Date(clock.now().getTime() + 3_000));
    const fast = createTokens({
      ...runtime,
      clock: ahead,
      revocations: noRevocations,
      issuer: 'wheelhouse',
      procedures: () => new Set(),
    });
    await fast.start();
    const made = await fast.issue(testAuthority, null, input({ subject: 'fast' }));
    fast.close();
    await revoke({ subject: 'fast', reason: 'x' });
    expect(await reasonOf(made.token)).toBe('revoked');
  });
  test('of a signing key: all that it signed, and another signs from then on', async () => {
    const before = await issue();
    const { kid } = partsOf(before.token).header;
    await revoke({ kid, reason: 'copied' });
    expect(await reasonOf(before.token)).toBe('revoked');
    expect(tokens.jwks().keys.map((key) => key.kid)).not.toContain(kid);
    const after = await issue();
    expect(partsOf(after.token).header.kid).not.toBe(kid);
    expect(await reasonOf(after.token)).toBe('valid');
    expect((await tokens.keys()).keys.map(({ state }) => state).sort()).toEqual(
      expect.arrayContaining(['compromised', 'current', 'next']),
    );
    const { kid: next } = (await tokens.keys()).keys.find(({ state }) => state === 'next') ?? {
      kid: '',
    };
    await revoke({ kid: next, reason: 'copied too' });
    const left = (await tokens.keys()).keys;
    expect(left.find((key) => key.kid === next)?.state).toBe('compromised');
    expect(left.filter(({ state }) => state === 'next')).toHaveLength(1);
    await expect(revoke({ kid: 'nobody', reason: 'x' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
  test('is listed by kind, page by page', async () => {
    const all = await tokens.revocationList({ limit: 200 });
    const first = await tokens.revocationList({ limit: 2 });
    const second = await tokens.revocationList({ limit: 200, cursor: first.nextCursor });
    expect([...first.items, ...second.items]).toEqual(all.items);
    const keys = await tokens.revocationList({ limit: 200, kind: 'key' });
    expect(keys.items.length).toBe(2);
    expect(keys.items.every(({ kind, reason }) => kind === 'key' && reason !== '')).toBe(true);
  });
  test('is forgotten once what it refuses has expired, and not before', async () => {
    const made = await issue({ ttlSeconds: 10 });
    await revoke({ jti: made.jti, reason: 'purged' });
    const stands = async () =>
      (await db.prisma.revocation.count({ where: { target: made.jti } })) === 1;
    await pass(10_000 + 64_000);
    await tokens.purge();
    expect(await stands()).toBe(true);
    expect(await reasonOf(made.token)).toBe('expired');
    await pass(2_000);
    await tokens.purge();
    expect(await stands()).toBe(false);
  });
});

describe('signing keys', () => {
  test('the next one is published before it signs; the old one verifies until its last token ends, then goes', async () => {
    const published = () => tokens.jwks().keys.map(({ kid }) => kid);
    const { keys: before } = await tokens.keys();
    const next = before.find(({ state }) => state === 'next')?.kid ?? '';
    const made = await issue({ ttlSeconds: 100 });
    const old = partsOf(made.token).header.kid;
    expect(published()).toEqual(expect.arrayContaining([old, next]));
    expect(await tokens.rotateKey(testAuthority)).toEqual({ kid: next });
    expect(partsOf((await issue({ ttlSeconds: 1 })).token).header.kid).toBe(next);
    expect(await reasonOf(made.token)).toBe('valid');
    const row = await db.prisma.tokenSigningKey.findUniqueOrThrow({ where: { kid: old } });
    expect(row).toMatchObject({ state: 'retired', privateJwk: null });
    await pass(99_000);
    await tokens.purge();
    expect(published()).toContain(old);
    await pass(900_000);
    await tokens.purge();
    expect(published()).not.toContain(old);
    expect(await reasonOf(made.token)).toBe('unknown_key');
  });
  test('private halves are sealed, and no list or public key holds them', async () => {
    const rows = await db.prisma.tokenSigningKey.findMany();
    for (const row of rows) expect(row.privateJwk ?? 'v1.').toMatch(/^v1\./);
    const told = JSON.stringify([await tokens.keys(), tokens.jwks()]);
    expect(told).not.toMatch(/"d":|private/);
    expect(tokens.jwks().keys[0]).toEqual({
      kty: 'OKP',
      crv: 'Ed25519',
      x: expect.any(String),
      kid: expect.any(String),
      alg: 'EdDSA',
      use: 'sig',
    });
  });
  test('rotate after thirty days by themselves', async () => {
    expect(await tokens.rotateWhenDue()).toBe(false);
    await pass(30 * 86_400_000);
    expect(await tokens.rotateWhenDue()).toBe(true);
    expect(await tokens.rotateWhenDue()).toBe(false);
  });
  test('stay one current and one next under rotations and issuing at once', async () => {
    const made = await Promise.all(
      Array.from({ length: 12 }, async (_, i) =>
        i % 3 === 0 ? tokens.rotateKey(testAuthority).then(() => null) : issue(),
      ),
    );
    const states = (await tokens.keys()).keys.map(({ state }) => state);
    expect(states.filter((state) => state === 'current')).toHaveLength(1);
    expect(states.filter((state) => state === 'next')).toHaveLength(1);
    for (const each of made) if (each) expect(await reasonOf(each.token)).toBe('valid');
  });
});

describe('without news', () => {
  test('five seconds without a look at the revocations: nothing is accepted, and what is revoked stays so', async () => {
    const [good, bad] = [await issue(), await issue()];
    await revoke({ jti: bad.jti, reason: 'x' });
    const dark = createTokens({
      ...runtime,
      revocations: { ...noRevocations, known: () => false, isRevoked: (id) => id === bad.jti },
      issuer: 'wheelhouse',
      procedures: () => new Set(),
    });
    await dark.start();
    expect(await dark.check(good.token)).toEqual({ valid: false, reason: 'revocations_unknown' });
    expect(await dark.check(bad.token)).toEqual({ valid: false, reason: 'revoked' });
    dark.close();
  });
  test('revocations of transactions that end out of order are all found', async () => {
    const ids = Array.from({ length: 40 }, () => randomUUID());
    const reader = createRevocations(runtime);
    await reader.start();
    let reading = true;
    const poll = (async () => {
      while (reading) await reader.refresh();
    })();
    await Promise.all(
      ids.map((target, i) =>
        db.tx(async (tx) => {
          const add = () =>
            reader.add(tx, [
              {
                kind: 'token',
                target,
                until: clock.now(),
                reason: 'x',
                revokedBy: 'x',
                expiresAt: clock.now(),
              },
            ]);
          // Work of different length before and after the number is given out.
          if (i % 2) await tx.$executeRaw`SELECT pg_sleep(${(i % 5) / 500})`;
          await add();
          await tx.$executeRaw`SELECT pg_sleep(${((40 - i) % 7) / 1000})`;
        }),
      ),
    );
    reading = false;
    await poll;
    await reader.refresh();
    expect(ids.filter((id) => !reader.isRevoked(id))).toEqual([]);
    reader.close();
  });
});

test('sessions end through the same memory, before any cache or query', async () => {
  const { sessions, users } = runtime;
  await users.createAdmin(testAuthority, {
    email: 'ada@example.com',
    name: 'Ada',
    password: 'correct horse battery',
    onlyFirst: false,
  });
  const userId = (await users.list({ limit: 1 })).items[0]?.id ?? '';
  const open = () =>
    db.tx((tx) =>
      sessions.open(tx, { userId, method: 'password', address: '::1', userAgent: 'x' }),
    );
  const [a, b, c] = [await open(), await open(), await open()];
  expect(await sessions.resolve(a)).not.toBeNull();
  await sessions.revoke(testAuthority, a, { userId, role: 'admin' });
  expect(await sessions.resolve(a)).toBeNull();
  await sessions.signOut(b);
  // A replica that missed the event of the sessions still knows.
  const other = createRevocations(runtime);
  await other.start();
  expect([a, b, c].map((id) => other.isRevoked(id))).toEqual([true, true, false]);
  await sessions.revokeOthers(testAuthority, userId, null);
  await vi.waitFor(() => expect(other.isRevoked(c)).toBe(true));
  other.close();
});

describe('who issued a token takes it along', () => {
  const by = (kind: 'key' | 'user', id: string) => ({
    ...testAuthority,
    actor: { kind, id, name: 'issuer' },
  });
  const made = async (kind: 'key' | 'user', id: string) =>
    (await tokens.issue(by(kind, id), null, input())).token;
  test('a key that is revoked or changed ends what it issued, and nothing else', async () => {
    const create = (name: string) =>
      runtime.keys.create(testAuthority, { name, role: 'admin', scopes: [] });
    const [one, two] = [await create('one'), await create('two')];
    const first = await made('key', one.id);
    const other = await made('key', two.id);
    // What a form sends along unchanged is no change.
    const same = { role: 'admin' as const, scopes: [], ownerId: null };
    await runtime.keys.update(testAuthority, { id: two.id, name: 'renamed', ...same });
    await runtime.keys.revoke(testAuthority, { id: one.id });
    expect(await tokens.check(first)).toEqual({ valid: false, reason: 'revoked' });
    expect(await tokens.check(other)).toMatchObject({ valid: true });
    await runtime.keys.update(testAuthority, { id: two.id, role: 'viewer' });
    expect(await tokens.check(other)).toEqual({ valid: false, reason: 'revoked' });
    const [entry] = (await tokens.revocationList({ limit: 1 })).items;
    expect(entry).toMatchObject({ kind: 'issuer', target: `key:${two.id}` });
    const { items } = await tokens.list({ limit: 100 });
    const states = items.filter(({ issuedBy }) => issuedBy === 'issuer').map(({ state }) => state);
    expect(states).toEqual(['revoked', 'revoked']);
  });
  test('a person who is no longer an admin, or disabled, does too', async () => {
    await runtime.users.createAdmin(testAuthority, {
      email: 'issuer@example.com',
      name: 'Issuer',
      password: 'correct horse battery',
      onlyFirst: false,
    });
    await runtime.users.createAdmin(testAuthority, {
      email: 'another@example.com',
      name: 'Another',
      password: 'correct horse battery',
      onlyFirst: false,
    });
    const found = (await runtime.users.list({ limit: 50 })).items.find(
      ({ email }) => email === 'issuer@example.com',
    );
    const id = found?.id ?? '';
    const token = await made('user', id);
    expect(await tokens.check(token)).toMatchObject({ valid: true });
    await runtime.users.setRole(testAuthority, id, 'viewer');
    await vi.waitFor(async () =>
      expect(await tokens.check(token)).toEqual({ valid: false, reason: 'revoked' }),
    );
  });
});
