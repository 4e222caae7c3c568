import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { bearer, testAuthority, testHost } from '../platform/testing/host.ts';

const { call, keys, runtime, cookie, admin, session } = await testHost({
  env: {
    WHEELHOUSE_PUBLIC_URL: 'https://ops.example.com',
    WHEELHOUSE_TRUSTED_PROXIES: '127.0.0.1/32',
  },
});
const proxied = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' };

describe('probes', () => {
  test.each([
    ['/health/liveness', '/livez', ['process']],
    [
      '/health/readiness',
      '/readyz',
      [
        'shutdown',
        'aside',
        'migrations',
        'database',
        'revocations',
        'redis',
        'eventLoop',
        'memory',
      ],
    ],
    ['/health/startup', null, ['startup']],
  ])(
    '%s answers JSON for machines and text for people, to anybody, uncached',
    async (path, alias, names) => {
      for (const route of alias ? [path, alias] : [path]) {
        const answer = await call(route, { headers: proxied });
        expect([route, answer.status, answer.headers.get('cache-control')]).toEqual([
          route,
          200,
          'no-store',
        ]);
        const body = await answer.json();
        expect(Object.keys(body).sort()).toEqual(['checks', 'status']);
        expect(body.status).toBe('ok');
        expect(body.checks.map((check: { name: string }) => check.name)).toEqual(names);
        for (const check of body.checks) {
          expect(Object.keys(check).sort()).toEqual(['detail', 'latencyMs', 'name', 'status']);
          expect(check.latencyMs === null || check.latencyMs >= 0).toBe(true);
        }
        const text = await (await call(`${route}?verbose`, { headers: proxied })).text();
        expect(text).toMatch(/^(\[\+\]\w+ ok: .+\n)+check passed\n$/);
      }
    },
  );
  test('tell nothing about where the database is or who signs in to it', async () => {
    const text = await (await call('/readyz?verbose')).text();
    const { hostname, port, username, password, pathname } = new URL(
      runtime.config.DATABASE_URL ?? '',
    );
    for (const part of [`${hostname}:${port}`, username, password, pathname.slice(1)])
      expect(text).not.toContain(part);
  });
});

describe('/metrics', () => {
  const metrics = async () => {
    // Each route and method once, so that every kind of series is there.
    await call('/readyz');
    await call('/api/trpc/system.info', { headers: bearer(keys.viewer) });
    await call('/api/trpc/nothing', { headers: bearer(keys.viewer) });
    await call('/users');
    return (await call('/metrics')).text();
  };

  test('every line is of the exposition format, each family once, with help and type', async () => {
    const sample =
      /^[a-z_:][a-z0-9_:]*(\{([a-z_][a-z0-9_]*="([^"\\\n]|\\["\\n])*",?)*\})? (-?[\d.e+-]+|[+-]Inf|NaN)$/i;
    const families = new Map<string, number>();
    for (const line of (await metrics()).trimEnd().split('\n')) {
      if (line === '') continue;
      const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line);
      if (type?.[1]) families.set(type[1], (families.get(type[1]) ?? 0) + 1);
      else if (!/^# HELP \S+ .+/.test(line)) expect(line).toMatch(sample);
    }
    expect(families.size).toBeGreaterThan(20);
    expect([...families.values()].every((count) => count === 1)).toBe(true);
  });
  test('routes are patterns and known procedures: nobody makes series by asking for names', async () => {
    for (let n = 0; n < 5; n++) {
      await call(`/made-up-${n}`);
      await call(`/api/trpc/made.up${n}`, { headers: bearer(keys.viewer) });
      await call(`/api/trpc/system.info,made.up${n}?batch=1`, { headers: bearer(keys.viewer) });
      await call(`/livez`, { method: n % 2 ? 'POST' : 'DELETE' });
    }
    const text = await metrics();
    expect(text).not.toMatch(/made/);
    expect(text).toMatch(/route="\/api\/trpc\/unknown"/);
    expect(text).toMatch(/route="\/api\/trpc\/batch"/);
    expect(text).toMatch(/route="\/api\/trpc\/system\.info",status="200"/);
  });
  const promtool = spawnSync('promtool', ['--version']).status === 0;
  test.runIf(promtool)('promtool has nothing to say about them', async () => {
    const input = await metrics();
    expect(
      execFileSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8', stdio: 'pipe' }),
    ).toBe('');
  });
  test('through the proxy: no key, a key without the scope, or a session is a 401', async () => {
    const ask = async (headers: Record<string, string>) =>
      (await call('/metrics', { headers: { ...proxied, ...headers } })).status;
    const scoped = await runtime.keys.create(testAuthority, {
      name: 'prom',
      role: 'viewer',
      scopes: ['metrics:read'],
    });
    expect(await ask({})).toBe(401);
    expect(await ask(bearer(keys.admin))).toBe(401);
    expect(await ask({ cookie: (await session()).cookie })).toBe(401);
    expect(await ask(bearer(scoped.key))).toBe(200);
    // Other ways of saying that a proxy stands in between.
    expect(
      (
        await call('/metrics', {
          headers: { 'x-forwarded-proto': 'https', forwarded: 'for=203.0.113.9' },
        })
      ).status,
    ).toBe(401);
  });
});

test('over https only the cookie that browsers keep to https counts', async () => {
  const { id, cookie: secure } = await session();
  expect(secure).toMatch(/^__Secure-/);
  const me = async (value: string) =>
    (await call('/api/trpc/users.me', { headers: { ...proxied, cookie: value } })).status;
  expect(await me(secure)).toBe(200);
  const plain = (await cookie({ uid: admin.id, sid: id })).replace('__Secure-', '');
  expect(await me(plain)).toBe(401);
});
