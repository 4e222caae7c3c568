import { mkdtempSync, rmSync } from 'node:fs';
import { request as rawRequest } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { migrate } from '../platform/db/migrate.ts';
import { silentLog } from '../platform/log.ts';
import { openEmbeddedPostgres } from '../platform/postgres/embedded.ts';
import { createPresence } from '../platform/presence.ts';
import { bearer, testHost } from '../platform/testing/host.ts';

describe('behind a TLS proxy', async () => {
  const env = {
    WHEELHOUSE_PUBLIC_URL: 'https://ops.example.com',
    WHEELHOUSE_TRUSTED_PROXIES: '127.0.0.1/32',
    WHEELHOUSE_ALLOWED_ORIGINS: 'https://portal.example.com',
  };
  const { call, keys } = await testHost({ env });
  const https = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' };

  test('plain http is redirected for pages, refused for changes, and answered for probes', async () => {
    const plain = { ...https, 'x-forwarded-proto': 'http' };
    const page = await call('/users?q=1', { headers: plain });
    expect([page.status, page.headers.get('location')]).toEqual([
      308,
      'https://ops.example.com/users?q=1',
    ]);
    const change = await call('/api/trpc/users.rename', {
      method: 'POST',
      headers: plain,
      body: '{}',
    });
    expect(change.status).toBe(403);
    expect((await call('/livez', { headers: plain })).status).toBe(200);
  });
  test('https answers carry HSTS and secure cookies', async () => {
    const answer = await call('/api/auth/csrf', { headers: https });
    expect(answer.headers.get('strict-transport-security')).toContain('max-age=31536000');
    expect(answer.headers.getSetCookie().every((cookie) => /; Secure/i.test(cookie))).toBe(true);
  });
  test('CORS is open for the listed origin, without cookies, and closed for others', async () => {
    const ask = (origin: string) =>
      call('/api/trpc/system.info', { headers: { ...https, ...bearer(keys.viewer), origin } });
    const listed = (await ask('https://portal.example.com')).headers;
    expect(listed.get('access-control-allow-origin')).toBe('https://portal.example.com');
    expect(listed.get('access-control-allow-credentials')).toBeNull();
    expect(
      (await ask('https://evil.example')).headers.get('access-control-allow-origin'),
    ).toBeNull();
  });
});

const plain = await testHost();

test('without a trusted proxy nobody can claim an address or https', async () => {
  const { call, runtime } = plain;
  const headers = {
    'x-forwarded-for': '203.0.113.9',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'evil.example',
  };
  const answer = await call('/api/auth/csrf', { headers });
  expect(answer.headers.get('strict-transport-security')).toBeNull();
  const providers = await (await call('/api/auth/providers', { headers })).text();
  expect(providers).not.toContain('evil.example');
  expect(runtime.config.WHEELHOUSE_TRUSTED_PROXIES).toBeUndefined();
});

test('two replicas without Redis are a mistake that readiness reports, and it passes when one ends', async () => {
  const { call, runtime } = plain;
  const url = runtime.config.DATABASE_URL ?? '';
  const second = await createPresence({ url, log: silentLog(), member: true });
  const redisLine = async () =>
    /^\[.\]redis .*$/m.exec(await (await call('/readyz?verbose')).text())?.[0];
  const waited = { timeout: 8_000, interval: 200 };
  await vi.waitFor(
    async () => expect(await redisLine()).toBe('[-]redis failed: 2 replicas need REDIS_URL'),
    waited,
  );
  expect((await call('/readyz')).status).toBe(503);
  await second.close();
  await vi.waitFor(async () => expect(await redisLine()).toMatch(/^\[\+\]redis ok/), waited);
});

const dataDir = mkdtempSync(path.join(tmpdir(), 'wheelhouse-suite-'));
const open = () => openEmbeddedPostgres({ dataDir, role: 'cli', progress: () => undefined });
let postgres = await open();
afterAll(async () => {
  await postgres.stop();
  rmSync(dataDir, { recursive: true, force: true });
});
await migrate({
  url: postgres.url,
  folder: path.resolve(import.meta.dirname, '../../prisma/migrations'),
});
const ownDatabase = await testHost({ databaseUrl: postgres.url });

test('PostgreSQL away: alive but not ready, 503 for calls, and by itself back to normal', async () => {
  const { call, keys } = ownDatabase;
  const status = async (route: string) =>
    (await call(route, { headers: bearer(keys.viewer) })).status;
  expect(await status('/readyz')).toBe(200);

  await postgres.stop();
  await vi.waitFor(async () => expect(await status('/readyz')).toBe(503), { timeout: 5_000 });
  expect(await status('/livez')).toBe(200);
  await vi.waitFor(async () => expect(await status('/api/trpc/system.info')).toBe(503), {
    timeout: 3_000,
  });
  const refused = await (
    await call('/api/trpc/system.info', { headers: bearer(keys.viewer) })
  ).json();
  expect(refused.detail).toBe('The database is unreachable at the moment. Try again shortly.');
  expect(await (await call('/readyz?verbose')).text()).toMatch(/^\[-\]database failed/m);

  postgres = await open();
  await vi.waitFor(async () => expect(await status('/readyz')).toBe(200), { timeout: 10_000 });
  expect(await status('/api/trpc/system.info')).toBe(200);
});

test('draining: readiness fails, an open request finishes, streams end', async () => {
  const { call, keys, host, url } = plain;
  const stream = await call('/api/stream', { headers: bearer(keys.viewer) });
  const ended = stream.text();
  // A request whose body is still on its way.
  const answered = new Promise<number>((resolve, reject) => {
    const body = '{"name":"Ada"}';
    const request = rawRequest(
      `${url}/api/trpc/users.rename`,
      {
        method: 'POST',
        headers: {
          ...bearer(keys.admin),
          'content-type': 'application/json',
          'content-length': body.length,
        },
      },
      (response) => resolve(response.statusCode ?? 0),
    );
    request.on('error', reject);
    request.write(body.slice(0, 5));
    setTimeout(() => request.end(body.slice(5)), 700);
  });
  await vi.waitFor(() => expect(plain.runtime.metrics.recent().inFlight).toBe(1));
  const closing = host.close();
  const ready = await call('/readyz');
  expect(ready.status).toBe(503);
  expect(ready.headers.get('connection')).toBe('close');
  // A key has no name to change: the answer is the procedure's own 400, not a cut connection.
  expect(await answered).toBe(400);
  await closing;
  await ended;
  await expect(call('/livez')).rejects.toThrow();
});
