import { afterAll, describe, expect, test, vi } from 'vitest';
import { bearer, json, testAuthority, testHost } from '../platform/testing/host.ts';
import { startRedis, testDatabase, testRuntime } from '../platform/testing/index.ts';
import { createHost } from './host.ts';
import { networkOf } from './limits.ts';

const env = {
  WHEELHOUSE_LIMIT_ADDRESS: '100',
  WHEELHOUSE_LIMIT_KEY: '100',
  WHEELHOUSE_LIMIT_SESSION: '3000',
  WHEELHOUSE_LIMIT_OVERALL: '1000',
};
const input = (value: unknown) => `?input=${encodeURIComponent(JSON.stringify(value))}`;
type Answer = { status: number; headers: Headers };
const count = (answers: readonly Answer[], status: number) =>
  answers.filter((answer) => answer.status === status).length;

describe('in this process', async () => {
  const system = await testHost({ env });
  const { call, runtime } = system;
  const newKey = async (role: 'viewer' | 'operator' = 'viewer', scopes: string[] = []) =>
    (await runtime.keys.create(testAuthority, { name: 'limited', role, scopes })).key;
  const info = (key: string) => call('/api/trpc/system.info', { headers: bearer(key) });
  const many = <T>(n: number, ask: () => Promise<T>) => Promise.all(Array.from({ length: n }, ask));

  test('a key: its burst passes, the rest is refused and told when to come back', async () => {
    const key = await newKey();
    await info(key);
    const answers = await many(60, () => info(key));
    expect(count(answers, 200)).toBeGreaterThanOrEqual(19);
    expect(count(answers, 200)).toBeLessThanOrEqual(21);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.headers.get('content-type')).toContain('application/problem+json');
    const wait = Number(refused?.headers.get('retry-after'));
    expect(wait).toBeGreaterThanOrEqual(1);
    expect(wait).toBeLessThanOrEqual(2);
    expect(refused?.headers.get('x-ratelimit-limit')).toBe('100');
    expect(refused?.headers.get('x-ratelimit-remaining')).toBe('0');
    expect(refused?.headers.get('ratelimit-policy')).toContain('"key";q=100;w=60');
    expect(refused?.headers.get('ratelimit')).toMatch(/"key";r=0;t=\d+/);
    const problem = await refused?.json();
    expect(problem).toMatchObject({
      status: 429,
      title: 'Too Many Requests',
      error: { data: { code: 'TOO_MANY_REQUESTS', httpStatus: 429 } },
    });
    expect(problem.requestId).toBe(refused?.headers.get('x-request-id'));
  });

  test('what passes says what is left', async () => {
    const key = await newKey();
    await info(key);
    const { headers } = await info(key);
    expect(headers.get('x-ratelimit-limit')).toBe('100');
    expect(Number(headers.get('x-ratelimit-remaining'))).toBe(18);
    expect(headers.get('ratelimit')).toMatch(/^"key";r=18;t=2, "overall";r=\d+;t=\d+$/);
  });

  test('one key’s refusal is no other’s, and a batch counts as its calls', async () => {
    const [one, other] = [await newKey(), await newKey()];
    await many(40, () => info(one));
    expect((await info(other)).status).toBe(200);
    const names = Array.from({ length: 15 }, () => 'system.info').join(',');
    const batch = () => call(`/api/trpc/${names}?batch=1`, { headers: bearer(other) });
    expect((await batch()).status).toBe(200);
    expect((await batch()).status).toBe(429);
  });

  test('what autoscalers read counts as the procedure of the same answer', async () => {
    const key = await newKey();
    const read = () => call('/apis/external.metrics.k8s.io/v1beta1', { headers: bearer(key) });
    await read();
    const answers = await many(40, read);
    expect(count(answers, 200)).toBeLessThanOrEqual(21);
    expect(count(answers, 200) + count(answers, 429)).toBe(40);
    expect((await info(key)).status).toBe(429);
  });

  test('programs that send samples are not held to the limit of scripts', async () => {
    const key = await newKey('viewer', ['ingest']);
    const send = () =>
      call('/api/trpc/metrics.ingest', json(key, { samples: [{ metric: 'm', value: 1 }] }));
    await send();
    const answers = await many(150, send);
    expect(count(answers, 200)).toBe(150);
    expect(answers[0]?.headers.get('ratelimit-policy')).toBe('"ingest";q=60000;w=60');
  });

  test('nor are programs that share breakers', async () => {
    const key = await newKey('operator');
    const sync = () =>
      call(
        '/api/trpc/breakers.sync',
        json(key, { replica: 'shop', offers: [{ name: 'payments', generation: 1, window: '' }] }),
      );
    await sync();
    const answers = await many(150, sync);
    expect(count(answers, 200)).toBe(150);
    expect(answers[0]?.headers.get('ratelimit-policy')).toBe('"breakers";q=60000;w=60');
  });

  test('a person with several pages open does not meet a limit', async () => {
    const { cookie } = await system.session();
    const page = () => call('/api/trpc/system.info', { headers: { cookie } });
    await page();
    const answers = await many(300, page);
    expect(count(answers, 200)).toBe(300);
  });

  test('probes, files and metrics asked for on this machine are not limited', async () => {
    for (const path of ['/livez', '/theme.js', '/metrics']) {
      const answers = await many(60, () => call(path));
      expect([path, count(answers, 200)]).toEqual([path, 60]);
      expect(answers[0]?.headers.get('x-ratelimit-limit')).toBeNull();
    }
  });

  test('a viewer may not change a limit, an operator may, and it is written down', async () => {
    const viewer = await newKey();
    const operator = await newKey('operator');
    const change = { name: 'system.info', perMinute: 60, burst: 2, reason: 'a loop in a script' };
    const post = (key: string, path: string, body: unknown) =>
      call(`/api/trpc/${path}`, json(key, body));
    expect((await post(viewer, 'limits.override', change)).status).toBe(403);
    expect((await post(viewer, 'limits.remove', { name: 'x', reason: 'because' })).status).toBe(
      403,
    );
    expect((await post(operator, 'limits.override', change)).status).toBe(200);
    const other = await newKey();
    expect((await many(6, () => info(other))).map(({ status }) => status)).toContain(429);

    const rows = await (
      await call('/api/trpc/limits.list?input={}', { headers: bearer(operator) })
    ).json();
    expect(rows.result.data.items).toContainEqual(
      expect.objectContaining({
        name: 'system.info',
        perMinute: 60,
        source: 'override',
        override: expect.objectContaining({ reason: 'a loop in a script' }),
        refusedLastHour: expect.any(Number),
      }),
    );
    expect(
      (await post(operator, 'limits.remove', { name: 'system.info', reason: 'it is mended' }))
        .status,
    ).toBe(200);
    expect(
      (await post(operator, 'limits.remove', { name: 'system.info', reason: 'it is mended' }))
        .status,
    ).toBe(404);
    const { items } = await runtime.auditReader.list({ limit: 10 });
    expect(items.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['limits.override', 'limits.remove']),
    );
  });

  test.each([
    ['a name that is nothing', { name: 'nothing.here' }],
    ['SQL', { name: "x'; DROP TABLE limit_rules; --" }],
    ['HTML', { name: '<script>alert(1)</script>' }],
    ['a limit of none', { perMinute: 0 }],
    ['a burst as large as the limit', { perMinute: 10, burst: 10 }],
    ['people locked out', { name: 'session', perMinute: 10 }],
    ['nobody let in', { name: 'address', perMinute: 5 }],
    ['the page itself shut', { name: 'limits.*', perMinute: 10 }],
    ['no reason', { reason: ' ' }],
  ])('%s is refused at the field', async (_name, wrong) => {
    const operator = await newKey('operator');
    const body = { name: 'key', perMinute: 100, reason: 'a test', ...wrong };
    const answer = await call('/api/trpc/limits.override', json(operator, body));
    expect(answer.status).toBe(400);
    expect((await answer.json()).error.data.fields[0].path).toBe(
      Object.keys(wrong).includes('burst') ? 'burst' : Object.keys(wrong).at(-1),
    );
  });

  test('who is refused stands in the list of callers', async () => {
    const operator = await newKey('operator');
    const key = await newKey();
    await many(40, () => info(key));
    const answer = await call(`/api/trpc/limits.top${input({ limit: 200 })}`, {
      headers: bearer(operator),
    });
    const { items } = (await answer.json()).result.data;
    expect(items).toContainEqual(
      expect.objectContaining({ limit: 'key', kind: 'key', label: 'limited', remaining: 0 }),
    );
  });

  // Last: it uses up what this address has.
  test('nobody: by the address of the socket, whatever headers say', async () => {
    let n = 0;
    const guess = () => {
      n++;
      return call('/api/trpc/system.info', {
        headers: { 'x-forwarded-for': `198.51.100.${n}`, forwarded: `for=198.51.100.${n}` },
      });
    };
    const answers = await many(60, guess);
    expect(count(answers, 401)).toBeLessThanOrEqual(21);
    expect(count(answers, 429)).toBeGreaterThanOrEqual(39);
    // Credentials that are not good do not help either, also when they are new each time.
    const bad = await many(10, () => info(`wh_${'0'.repeat(43)}_${n++}`));
    expect(count(bad, 429)).toBe(10);
  });
});

describe('behind a proxy that is trusted', async () => {
  const system = await testHost({
    env: { ...env, WHEELHOUSE_TRUSTED_PROXIES: '127.0.0.1', WHEELHOUSE_LIMIT_OVERALL: '6000000' },
  });
  const from = (address: string) =>
    system.call('/api/trpc/system.info', { headers: { 'x-forwarded-for': address } });

  test('each address counts for itself, and an IPv6 network as one', async () => {
    for (let i = 0; i < 25; i++) await from('203.0.113.7');
    expect((await from('203.0.113.7')).status).toBe(429);
    expect((await from('203.0.113.8')).status).toBe(401);
    for (let i = 0; i < 25; i++) await from(`2001:db8:1:2::${i.toString(16)}`);
    expect((await from('2001:db8:1:2:ffff::1')).status).toBe(429);
    expect((await from('2001:db8:1:3::1')).status).toBe(401);
    // What the client wrote itself stands left of what the proxy saw.
    expect((await from('198.51.100.1, 203.0.113.7')).status).toBe(429);
  });

  test('10 000 addresses at once: memory stays bounded, who was refused stays refused', async () => {
    for (let i = 0; i < 25; i++) await from('192.0.2.200');
    const { limits } = system.runtime;
    for (let i = 0; i < 10_000; i++) {
      const id = `10.${i >> 8}.${i & 255}.1`;
      await limits.ask({ kind: 'page' }, { kind: 'address', id, label: id });
    }
    const buckets = async () =>
      Number(
        /^wheelhouse_rate_limit_buckets (\d+)/m.exec(
          await system.runtime.metrics.registry.metrics(),
        )?.[1],
      );
    expect(await buckets()).toBeLessThanOrEqual(10_000);
    expect(await buckets()).toBeGreaterThan(5_000);
    expect((await from('192.0.2.200')).status).toBe(429);
    expect(
      (await system.call('/api/trpc/system.info', { headers: bearer(system.keys.viewer) })).status,
    ).toBe(200);
  });
});

test('addresses: IPv4 in IPv6 is IPv4, and what is no address is still one text', () => {
  expect(networkOf('::ffff:192.0.2.1')).toBe('192.0.2.1');
  expect(networkOf('2001:db8:0:1::5')).toBe('2001:db8:0:1::/64');
  expect(networkOf('fe80::1%eth0')).toBe(networkOf('fe80::1%eth0'));
});

describe('two replicas and one Redis', async () => {
  const redis = await startRedis();
  const databaseUrl = await testDatabase();
  const shared = { ...env, REDIS_URL: redis.url };
  const one = await testHost({ env: shared, databaseUrl });
  const two = await testRuntime({ env: shared, databaseUrl });
  const host = await createHost(two, { authSecret: one.authSecret, secureCookies: false });
  afterAll(() => host.close());
  const ports = [one.host.port, host.port];
  const info = (replica: 0 | 1, key: string) =>
    fetch(`http://127.0.0.1:${ports[replica]}/api/trpc/system.info`, { headers: bearer(key) });
  const newKey = async () =>
    (await one.runtime.keys.create(testAuthority, { name: 'shared', role: 'viewer', scopes: [] }))
      .key;

  test('count together', async () => {
    const key = await newKey();
    await Promise.all([info(0, key), info(1, key)]);
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) => info(i % 2 ? 0 : 1, key)),
    );
    expect(count(answers, 200)).toBeGreaterThanOrEqual(17);
    expect(count(answers, 200)).toBeLessThanOrEqual(19);
  });

  test('an override holds on the other replica within a second', async () => {
    await one.runtime.limits.override(testAuthority, {
      name: 'system.overview',
      perMinute: 60,
      burst: 1,
      mode: 'also',
      reason: 'for the test',
    });
    await vi.waitFor(
      async () => {
        const { items } = await two.limits.list({ limit: 200 });
        expect(items.map(({ name }) => name)).toContain('system.overview');
      },
      { timeout: 1_000, interval: 20 },
    );
  });

  test('Redis is killed and comes back: nothing fails, and the limits hold on', async () => {
    const key = await newKey();
    const quick = (
      await one.runtime.keys.create(testAuthority, {
        name: 'q',
        role: 'viewer',
        scopes: ['ingest'],
      })
    ).key;
    await one.runtime.limits.override(testAuthority, {
      name: 'dashboards.list',
      perMinute: 600_000,
      mode: 'instead',
      reason: 'for the test',
    });
    // What is cached is asked for too.
    const read = () => one.call('/api/trpc/dashboards.list?input={}', { headers: bearer(quick) });
    const send = () =>
      one.call('/api/trpc/metrics.ingest', json(quick, { samples: [{ metric: 'm', value: 1 }] }));
    expect((await one.runtime.limits.status()).counting).toBe('shared');
    await Promise.all(Array.from({ length: 30 }, () => info(0, key)));
    expect((await info(0, key)).status).toBe(429);
    let running = true;
    const statuses: number[] = [];
    const worker = async () => {
      while (running) statuses.push((await send()).status, (await read()).status);
    };
    const workers = Array.from({ length: 8 }, worker);
    await vi.waitFor(() => expect(statuses.length).toBeGreaterThan(50), { timeout: 10_000 });
    await redis.stop();
    const then = statuses.length;
    await vi.waitFor(() => expect(statuses.length).toBeGreaterThan(then + 200), {
      timeout: 10_000,
    });
    const away = await one.runtime.limits.status();
    expect([away.counting, away.redis]).toEqual(['process', 'down']);
    expect(one.runtime.limits.component().status).toBe('warn');
    expect(one.runtime.cache.status().kept).toBe('process');
    // What was used up in Redis is not given anew: the mirror knows.
    const during = await Promise.all(Array.from({ length: 40 }, () => info(0, key)));
    expect(count(during, 200)).toBeLessThanOrEqual(12);
    expect(count(during, 429)).toBeGreaterThanOrEqual(28);
    await redis.start();
    await vi.waitFor(
      async () => expect((await one.runtime.limits.status()).counting).toBe('shared'),
      { timeout: 10_000 },
    );
    await vi.waitFor(() => expect(one.runtime.cache.status().kept).toBe('shared'));
    const again = statuses.length;
    await vi.waitFor(() => expect(statuses.length).toBeGreaterThan(again + 50), {
      timeout: 10_000,
    });
    running = false;
    await Promise.all(workers);
    expect(new Set(statuses)).toEqual(new Set([200]));
    await redis.stop();
  });
});

test('when the limiter itself fails, requests pass, and that is counted and said', async () => {
  const { call, keys, runtime } = await testHost({ env });
  const broken = vi.spyOn(runtime.store, 'client').mockImplementation(() => {
    throw new Error('for the test');
  });
  const answers = await Promise.all(
    Array.from({ length: 50 }, () =>
      call('/api/trpc/system.info', { headers: bearer(keys.viewer) }),
    ),
  );
  broken.mockRestore();
  expect(count(answers, 200)).toBe(50);
  expect((await runtime.limits.status()).errors).toBeGreaterThanOrEqual(50);
  expect(runtime.limits.component()).toMatchObject({ status: 'warn' });
  expect(await runtime.metrics.registry.metrics()).toMatch(
    /rate_limit_decisions_total\{outcome="error"\} [1-9]/,
  );
});
