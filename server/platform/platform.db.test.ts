import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { migrate } from './db/migrate.ts';
import { createJobs } from './jobs.ts';
import { withLock } from './lock.ts';
import { silentLog } from './log.ts';
import { testDatabase, testFolder, testRuntime } from './testing/index.ts';
import { createWorkers } from './workers/index.ts';

const runtime = await testRuntime();

describe('the lock', () => {
  test('has one holder, and is free again when the work ends or fails', async () => {
    const { pool } = runtime.db;
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await pool.query('SELECT pg_sleep(0.05)');
      inside--;
      return 'done';
    };
    const results = await Promise.all(Array.from({ length: 6 }, () => withLock(pool, 'one', work)));
    expect(most).toBe(1);
    expect(results.filter((result) => result === 'done').length).toBeGreaterThan(0);
    expect(results).toContain(null);
    await expect(withLock(pool, 'one', () => Promise.reject(new Error('no')))).rejects.toThrow(
      'no',
    );
    expect(await withLock(pool, 'one', work)).toBe('done');
    expect(await withLock(pool, 'two', () => withLock(pool, 'one', work))).toBe('done');
  });
});

describe('jobs', () => {
  test('a key queues a job once, a failing one is tried again, and a stop waits for what runs', async () => {
    const runs: string[] = [];
    const outcomes: string[] = [];
    const jobs = createJobs({
      db: runtime.db,
      clock: runtime.clock,
      log: silentLog(),
      work: true,
      onRun: (name, outcome) => outcomes.push(`${name} ${outcome}`),
    });
    afterAll(() => jobs.close());
    await jobs.start([
      {
        name: 'test.once',
        timeoutSeconds: 30,
        retryLimit: 0,
        run: async ({ data }) => {
          runs.push(JSON.stringify(data));
        },
      },
      {
        name: 'test.flaky',
        timeoutSeconds: 30,
        retryLimit: 2,
        run: async () => {
          if (outcomes.filter((outcome) => outcome.startsWith('test.flaky')).length === 0)
            throw new Error('first time');
        },
      },
    ]);
    await Promise.all([
      jobs.send('test.once', { n: 1 }, 'k'),
      jobs.send('test.once', { n: 1 }, 'k'),
      jobs.send('test.flaky'),
    ]);
    await vi.waitFor(() => expect(runs).toEqual(['{"n":1}']), { timeout: 12_000 });
    await vi.waitFor(() => expect(outcomes).toContain('test.flaky failed'), { timeout: 12_000 });
    await vi.waitFor(() => expect(outcomes).toContain('test.flaky succeeded'), {
      timeout: 30_000,
      interval: 200,
    });
  }, 60_000);
});

test('a database that refuses or does not answer is one plain sentence without the password', async () => {
  const url = new URL(await testDatabase());
  url.password = 'hunter2';
  const wrong = await migrate({ url: url.href, folder: testFolder() }).catch((error) =>
    String(error.message),
  );
  expect(wrong).toMatch(/refuses the user .*check DATABASE_URL\.$/);
  const gone = await migrate({
    url: 'postgres://me:hunter2@127.0.0.1:1/x',
    folder: testFolder(),
  }).catch((error) => String(error.message));
  expect(gone).toMatch(/cannot be reached \(ECONNREFUSED\)/);
  expect(`${wrong}${gone}`).not.toContain('hunter2');
});

test('a calculation that takes too long is ended, and the next one runs', async () => {
  const workers = createWorkers({ maxThreads: 1 });
  afterAll(() => workers.close());
  const file = path.join(testFolder(), 'task.mjs');
  writeFileSync(
    file,
    'export const forever = () => { for (;;); };\nexport const double = (n) => n * 2;\n',
  );
  const url = new URL(`file://${file}`);
  await expect(workers.run(url, 'forever', null, { timeoutMs: 300 })).rejects.toThrow(
    'took too long',
  );
  expect(await workers.run<number>(url, 'double', 21, { timeoutMs: 5_000 })).toBe(42);
});
