import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createBriefCache } from './brief-cache.ts';
import { manualClock } from './clock.ts';
import { isUnreachable } from './errors.ts';
import { newId, newToken } from './ids.ts';
import { createLog, scrub } from './log.ts';
import { createMetrics } from './metrics.ts';

test('ids sort by the time they were made, and never repeat', () => {
  const at = (ms: number) => newId(new Date(ms));
  const times = [0, 1, 1_000, 1_700_000_000_000, 1_700_000_000_001, 4_000_000_000_000];
  const ids = times.map(at);
  expect([...ids].sort()).toEqual(ids);
  expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Set(Array.from({ length: 5_000 }, () => at(5))).size).toBe(5_000);
  expect(newToken()).toMatch(/^[\w-]{43}$/);
});

test('no secret reaches a log line', async () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'wheelhouse-log-'));
  const { log, close } = await createLog({ level: 'info', output: 'file', dataDir });
  log.info(
    {
      password: 'hunter2',
      user: { token: 'hunter3', deep: { key: 'hunter4' } },
      headers: { authorization: 'Bearer hunter5', cookie: 'a=hunter6' },
    },
    'one',
  );
  const cause = new Error('connect postgres://me:hunter7@db:5432/x failed');
  log.error(
    {
      err: new Error('GET /x?token=hunter8 with wh_hunter9aaaaaaaaaaaaaaa and Bearer hunter10', {
        cause,
      }),
    },
    'two',
  );
  await close();
  const folder = path.join(dataDir, 'logs');
  const text = readdirSync(folder)
    .map((file) => readFileSync(path.join(folder, file), 'utf8'))
    .join('');
  expect(text.trim().split('\n')).toHaveLength(2);
  expect(text).not.toMatch(/hunter/);
  rmSync(dataDir, { recursive: true, force: true });
});

test.each([
  ['postgres://me:hunter2@db/x', 'postgres://***@db/x'],
  ['postgres://me:hunt@er2@db/x', 'postgres://***@db/x'],
  ['redis://:hunter2@r:6379', 'redis://***@r:6379'],
  ['redis+sentinel://u:hunter2@a:1,b:2/m', 'redis+sentinel://***@a:1,b:2/m'],
  ['from https://a.example/x to ada@example.com', 'from https://a.example/x to ada@example.com'],
  ['GET /invite?token=hunter2&x=1', 'GET /invite?token=***&x=1'],
  ['Authorization: BEARER hunter2', 'Authorization: BEARER ***'],
])('%s is scrubbed', (text, expected) => {
  expect(scrub(text)).toBe(expected);
});

test('an outage is told from a refused statement, through any wrapping', () => {
  const coded = (code: string) => Object.assign(new Error('x'), { code });
  for (const code of ['ECONNREFUSED', '57P01', '57P03', 'P1001']) {
    expect(
      isUnreachable(new Error('outer', { cause: new Error('middle', { cause: coded(code) }) })),
    ).toBe(true);
  }
  expect(isUnreachable(new AggregateError([coded('ECONNREFUSED')]))).toBe(true);
  for (const code of ['23505', '42601', '22P02']) expect(isUnreachable(coded(code))).toBe(false);
  expect(isUnreachable('ECONNREFUSED')).toBe(false);
  // As Prisma words what it has no code of its own for, here while PostgreSQL recovers from a crash.
  const worded = (code: string) => new Error(`Database error. Code: \`${code}\`. Message: \`no\``);
  expect(isUnreachable(worded('57P03'))).toBe(true);
  expect(isUnreachable(worded('23514'))).toBe(false);
});

test('the brief cache shares one look-up, forgets in time, on demand and on failure, and is bounded', async () => {
  const clock = manualClock('2026-01-01T00:00:00Z');
  const cache = createBriefCache<number>({ ttlMs: 100, max: 2, clock });
  let asked = 0;
  const load = async () => ++asked;
  expect(await Promise.all([cache.get('a', load), cache.get('a', load)])).toEqual([1, 1]);
  clock.advance(101);
  expect(await cache.get('a', load)).toBe(2);
  cache.drop('a');
  expect(await cache.get('a', load)).toBe(3);
  await expect(cache.get('bad', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await cache.get('bad', load)).toBe(4);
  await cache.get('c', load);
  expect(await cache.get('a', load)).toBe(6);
});

test('live quantiles are within 5 %, rates are per second, and old requests leave', () => {
  const clock = manualClock('2026-01-01T00:00:00Z');
  const metrics = createMetrics({ version: '0', clock });
  const one = (seconds: number, status = 200) => {
    metrics.requestStarted();
    metrics.requestEnded({ method: 'GET', route: '/x', status }, seconds);
  };
  for (let i = 1; i <= 100; i++) one(i / 1_000, i === 100 ? 500 : 200);
  clock.advance(1_000);
  const recent = metrics.recent();
  expect(recent.p50Seconds / 0.05).toBeCloseTo(1, 1);
  expect(Math.abs(recent.p95Seconds / 0.095 - 1)).toBeLessThan(0.05);
  expect(Math.abs(recent.p99Seconds / 0.099 - 1)).toBeLessThan(0.05);
  expect(recent.requestsPerSecond).toBeCloseTo(100 / 9);
  expect(recent.errorsPerSecond).toBeCloseTo(1 / 9);
  expect(recent.inFlight).toBe(0);
  clock.advance(20_000);
  expect(metrics.recent()).toMatchObject({ requestsPerSecond: 0, p99Seconds: 0 });
});
