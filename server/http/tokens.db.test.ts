/** Tokens over HTTP: what they open, how fast they end on other replicas, and what happens while PostgreSQL is away. */
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { expect, inject, test, vi } from 'vitest';
import { bearer, json, testAuthority, testHost } from '../platform/testing/host.ts';
import { testDatabase, testRuntime } from '../platform/testing/index.ts';
import { proxied } from '../platform/testing/tcp-proxy.ts';
import { issueSchema } from '../tokens/contract.ts';

const direct = await testDatabase();
const { url: databaseUrl, proxy } = await proxied(direct);
const system = await testHost({ databaseUrl, env: { REDIS_URL: inject('redisUrl') } });
const { call, keys, runtime } = system;
/** A second replica that shares Redis, and one that hears nothing from the bus. */
const neighbour = await testRuntime({
  databaseUrl: direct,
  env: { REDIS_URL: inject('redisUrl') },
});
const deaf = await testRuntime({ databaseUrl: direct });
await Promise.all([neighbour.tokens.start(), deaf.tokens.start()]);

const issue = (more: object = {}) =>
  runtime.tokens.issue(
    testAuthority,
    null,
    issueSchema.parse({ subject: 'agent', scopes: [], ...more }),
  );
const info = (token: string) => call('/api/trpc/system.info', { headers: bearer(token) });
const sample = [{ metric: 'requests', value: 1 }];
const query = (path: string, input: object, token: string) =>
  call(`/api/trpc/${path}?input=${encodeURIComponent(JSON.stringify(input))}`, {
    headers: bearer(token),
  });

test('is issued, checked and revoked by procedure; by admins alone', async () => {
  const wanted = { subject: 'agent', scopes: ['ingest'], ttlSeconds: 60 };
  expect((await call('/api/trpc/tokens.issue', json(keys.operator, wanted))).status).toBe(403);
  const answer = await call('/api/trpc/tokens.issue', json(keys.admin, wanted));
  const made = (await answer.json()).result.data;
  expect(Object.keys(made).sort()).toEqual(['expiresAt', 'jti', 'token']);
  const check = async () =>
    (await (await query('tokens.check', { token: made.token }, keys.viewer)).json()).result.data;
  expect(await check()).toMatchObject({ valid: true, subject: 'agent', role: 'viewer' });
  const revoked = await call(
    '/api/trpc/tokens.revoke',
    json(keys.admin, { jti: made.jti, reason: 'test' }),
  );
  expect(revoked.status).toBe(200);
  expect(await check()).toEqual({ valid: false, reason: 'revoked' });
  expect((await call('/api/trpc/tokens.revoke', json(keys.admin, { reason: 'x' }))).status).toBe(
    400,
  );
});

test('opens what its role and scopes open, and says why it does not', async () => {
  const [plain, narrow, sender] = await Promise.all([
    issue({ role: 'admin' }),
    issue({ role: 'admin', scopes: ['system.*'] }),
    issue({ scopes: ['ingest', 'metrics:read', 'webhook'] }),
  ]);
  expect((await info(plain.token)).status).toBe(200);
  expect((await query('users.list', {}, plain.token)).status).toBe(200);
  expect((await info(narrow.token)).status).toBe(200);
  expect((await query('users.list', {}, narrow.token)).status).toBe(403);
  const ingest = (token: string) =>
    call('/api/trpc/metrics.ingest', json(token, { samples: sample }));
  expect((await ingest(plain.token)).status).toBe(403);
  expect((await ingest(sender.token)).status).toBe(200);
  const traces = (token: string) => call('/v1/traces', json(token, { resourceSpans: [] }));
  expect((await traces(plain.token)).status).toBe(403);
  expect((await traces(sender.token)).status).toBe(200);
  const forwarded = { 'x-forwarded-for': '203.0.113.9' };
  for (const [token, status] of [
    [plain.token, 401],
    [sender.token, 200],
  ] as const) {
    const answer = await call('/metrics', { headers: { ...forwarded, ...bearer(token) } });
    expect(answer.status).toBe(status);
  }
  await runtime.tokens.revoke(testAuthority, { jti: plain.jti, reason: 'x' });
  const refused = await info(plain.token);
  expect(refused.status).toBe(401);
  expect((await refused.json()).detail).toBe('The token was revoked.');
  const broken = await info(`${sender.token.slice(0, -6)}AAAAAA`);
  expect((await broken.json()).detail).toBe('The signature of the token is wrong.');
});

test('what it changes stands in the audit under its subject and jti', async () => {
  const made = await issue({ role: 'admin', subject: 'deployer' });
  const name = { email: 'joan@example.com', name: 'Joan', role: 'viewer' };
  expect((await call('/api/trpc/users.invite', json(made.token, name))).status).toBe(200);
  const entry = await runtime.db.prisma.auditEntry.findFirst({
    where: { action: 'users.invite' },
    orderBy: { seq: 'desc' },
  });
  expect(entry).toMatchObject({ actorKind: 'token', actorId: made.jti, actorName: 'deployer' });
});

test('others verify it by the published keys', async () => {
  const made = await issue({ scopes: ['ingest'] });
  const answer = await call('/.well-known/jwks.json');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('cache-control')).toBe('public, max-age=300');
  expect(answer.headers.get('content-type')).toMatch(/^application\/jwk-set\+json/);
  const set: JSONWebKeySet = await answer.json();
  expect(JSON.stringify(set)).not.toContain('"d"');
  const { payload } = await jwtVerify(made.token, createLocalJWKSet(set), {
    issuer: 'wheelhouse',
    audience: 'wheelhouse',
    algorithms: ['EdDSA'],
  });
  expect(payload).toMatchObject({ jti: made.jti, sub: 'agent', scopes: ['ingest'] });
});

test('the stream of a revoked token ends, also when its subject is what was revoked', async () => {
  const [one, other] = [await issue(), await issue({ subject: 'viewer of streams' })];
  const streams = await Promise.all(
    [one, other].map(({ token }) => call('/api/stream', { headers: bearer(token) })),
  );
  expect(streams.map(({ status }) => status)).toEqual([200, 200]);
  const ended = Promise.all(streams.map((stream) => stream.text()));
  await runtime.tokens.revoke(testAuthority, { jti: one.jti, reason: 'x' });
  await runtime.tokens.revoke(testAuthority, { subject: 'viewer of streams', reason: 'x' });
  for (const text of await ended) expect(text).toContain('event: ended');
});

test('a revocation reaches a replica over the bus, and within a second one that hears nothing', async () => {
  const made = await issue();
  expect((await neighbour.tokens.check(made.token)).valid).toBe(true);
  expect((await deaf.tokens.check(made.token)).valid).toBe(true);
  const heard = new Promise<void>((resolve) => {
    neighbour.bus.on('tokens', ({ type }) => {
      if (type === 'revoked') resolve();
    });
  });
  await runtime.tokens.revoke(testAuthority, { jti: made.jti, reason: 'x' });
  await heard;
  for (const replica of [neighbour, deaf]) {
    await vi.waitFor(
      async () =>
        expect(await replica.tokens.check(made.token)).toEqual({ valid: false, reason: 'revoked' }),
      { timeout: 3_000, interval: 5 },
    );
  }
});

test('a key that one replica rotates to is known to the others before it signs', async () => {
  await runtime.tokens.rotateKey(testAuthority);
  const made = await issue();
  expect((await neighbour.tokens.check(made.token)).valid).toBe(true);
  expect((await deaf.tokens.check(made.token)).valid).toBe(true);
});

test('while PostgreSQL is away nothing is accepted after five seconds, and what was revoked stays refused', async () => {
  const [good, bad] = [await issue(), await issue()];
  await runtime.tokens.revoke(testAuthority, { jti: bad.jti, reason: 'x' });
  proxy.cut();
  // Still known a moment ago; then no longer.
  expect((await runtime.tokens.check(good.token)).valid).toBe(true);
  await vi.waitFor(
    async () =>
      expect(await runtime.tokens.check(good.token)).toEqual({
        valid: false,
        reason: 'revocations_unknown',
      }),
    { timeout: 8_000, interval: 100 },
  );
  const answer = await info(good.token);
  expect(answer.status).toBe(503);
  expect(answer.headers.get('retry-after')).toBeTruthy();
  expect((await answer.json()).detail).toMatch(/cannot be told/);
  expect((await info(bad.token)).status).toBe(401);
  // Revoked meanwhile by a replica that reaches the database: refused as soon as it is read.
  await neighbour.tokens.revoke(testAuthority, { jti: good.jti, reason: 'meanwhile' });
  proxy.mend();
  await vi.waitFor(async () => expect((await info(good.token)).status).toBe(401), {
    timeout: 10_000,
    interval: 100,
  });
});
