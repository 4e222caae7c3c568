/** Two consoles on one database, with Redis and without: each target has one checker, each attempt runs once. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { manualClock } from '../platform/clock.ts';
import { testAuthority } from '../platform/testing/host.ts';
import { testDatabase, testRuntime } from '../platform/testing/index.ts';
import { startRedis } from '../platform/testing/redis.ts';
import type { Runtime } from '../runtime.ts';
import { SHARDS } from './shards.ts';

const redis = await startRedis();
afterAll(() => redis.stop());

describe.each([
  ['with Redis', { REDIS_URL: redis.url }],
  ['without Redis', {}],
])('%s', (_name, env) => {
  const clock = manualClock('2026-03-02T08:00:00Z');
  let first: Runtime;
  let second: Runtime;
  const checked = { ok: true, gets: new Map<string, number>(), posts: [] as string[] };
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    if (request.method === 'POST') {
      checked.posts.push(String(request.headers['webhook-id']));
      checked.ok = true;
      response.end();
      return;
    }
    checked.gets.set(path, (checked.gets.get(path) ?? 0) + 1);
    response.writeHead(checked.ok || path !== '/t0' ? 200 : 500).end('ok');
  });
  let url = '';
  const pass = async (seconds: number, runtimes: readonly Runtime[]) => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1_000);
      await Promise.all(runtimes.map(({ health }) => health.engine.step()));
    }
  };

  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address === 'object' && address) url = `http://127.0.0.1:${address.port}`;
    const databaseUrl = await testDatabase();
    first = await testRuntime({ clock, databaseUrl, env });
    second = await testRuntime({ clock, databaseUrl, env });
    for (let i = 0; i < 20; i++) {
      await first.health.targets.create(testAuthority, {
        name: `t${i}`,
        kind: 'http',
        url: `${url}/t${i}`,
        intervalSeconds: 10,
        ...(i === 0 ? { remedy: { kind: 'webhook' as const, url: `${url}/fix` } } : {}),
      });
    }
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test('every target is checked by exactly one, and both take their share', async () => {
    await pass(20, [first, second]);
    const shares = [first, second].map(({ health }) => health.engine.stats());
    expect(shares.map(({ shards }) => shards)).toEqual([SHARDS / 2, SHARDS / 2]);
    expect(shares.reduce((sum, { watched }) => sum + watched, 0)).toBe(20);
    checked.gets.clear();
    await pass(50, [first, second]);
    expect(checked.gets.size).toBe(20);
    for (const count of checked.gets.values()) {
      expect(count).toBeGreaterThanOrEqual(4);
      expect(count).toBeLessThanOrEqual(6);
    }
  });

  test('an attempt runs once, and what one learns the other shows', async () => {
    checked.ok = false;
    await pass(20, [first, second]);
    await vi.waitFor(() => expect(checked.posts).toHaveLength(1));
    await vi.waitFor(async () =>
      expect(await first.db.prisma.remedyRun.count({ where: { status: 'running' } })).toBe(0),
    );
    await pass(15, [first, second]);
    expect(new Set(checked.posts).size).toBe(1);
    const views = await Promise.all(
      [first, second].map(async ({ health }) => {
        const { items } = await health.views.list({ limit: 1, sort: 'name', search: 't0' });
        return items[0]?.state;
      }),
    );
    expect(views).toEqual(['healthy', 'healthy']);
    const { items } = await second.incidents.list({ limit: 10 });
    expect(items.map(({ status, title }) => [status, title])).toEqual([['resolved', 't0 is down']]);
  });

  test('a settings change reaches whoever checks, and a pause stops it', async () => {
    const { items } = await first.health.views.list({ limit: 200, sort: 'name' });
    await first.health.targets.pause(
      testAuthority,
      items.map(({ id }) => id),
      true,
    );
    await pass(5, [first, second]);
    checked.gets.clear();
    await pass(30, [first, second]);
    expect(checked.gets.size).toBe(0);
    await first.health.targets.pause(
      testAuthority,
      items.map(({ id }) => id),
      false,
    );
    await pass(5, [first, second]);
    expect(checked.gets.size).toBe(20);
  });

  test('after a lost connection its shards are taken up again, and nothing is checked twice', async () => {
    await first.db.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'wheelhouse shards' AND datname = current_database()`,
    );
    await vi.waitFor(() => {
      const held = [first, second].map(({ health }) => health.engine.stats().shards);
      expect(held).toEqual([0, 0]);
    });
    await pass(20, [first, second]);
    const stats = [first, second].map(({ health }) => health.engine.stats());
    expect(stats.reduce((sum, { shards }) => sum + shards, 0)).toBe(SHARDS);
    expect(stats.reduce((sum, { watched }) => sum + watched, 0)).toBe(20);
    checked.gets.clear();
    await pass(30, [first, second]);
    expect(checked.gets.size).toBe(20);
    for (const count of checked.gets.values()) expect(count).toBeLessThanOrEqual(4);
  });

  test('when one is gone the other takes over within 30 s', async () => {
    await first.health.engine.close();
    checked.gets.clear();
    await pass(30, [second]);
    expect(second.health.engine.stats()).toMatchObject({ shards: SHARDS, watched: 20 });
    expect(checked.gets.size).toBe(20);
  });
});
