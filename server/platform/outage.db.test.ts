/** What the platform does when PostgreSQL is cut off, swallows everything, or comes back. */
import { afterAll, expect, test, vi } from 'vitest';
import { transaction } from './db/transaction.ts';
import { createJobs } from './jobs.ts';
import { withLock } from './lock.ts';
import { silentLog } from './log.ts';
import { createPresence } from './presence.ts';
import { testDatabase, testRuntime } from './testing/index.ts';
import { proxied } from './testing/tcp-proxy.ts';

const direct = await testDatabase();
const { url: databaseUrl, proxy } = await proxied(direct);
const runtime = await testRuntime({ databaseUrl });
const { db, clock } = runtime;
const dbUp = (up: boolean) => vi.waitFor(() => expect(db.status().up).toBe(up), { timeout: 8_000 });

test('a lock is free again when the connection of its holder dies', async () => {
  const other = await testRuntime({ databaseUrl: direct });
  const entered = Promise.withResolvers<void>();
  const leave = Promise.withResolvers<void>();
  let lost: AbortSignal | undefined;
  const held = withLock(db.pool, 'job', async (signal) => {
    lost = signal;
    entered.resolve();
    await leave.promise;
  });
  await entered.promise;
  const attempt = () => withLock(other.db.pool, 'job', async () => 'taken over');
  expect(await attempt()).toBeNull();
  proxy.cut();
  await vi.waitFor(async () => expect(await attempt()).toBe('taken over'), { timeout: 5_000 });
  // The first holder still works, but it can know that it holds nothing any more.
  expect(lost?.aborted).toBe(true);
  leave.resolve();
  await held;
  proxy.mend();
  await dbUp(true);
  // The broken connection went back to nobody.
  expect(await withLock(db.pool, 'job', async () => 'again')).toBe('again');
});

test('a transaction that is cut off leaves nothing behind, and its caller is told', async () => {
  const count = async () => (await db.prisma.signInThrottle.findMany()).length;
  const before = await count();
  await expect(
    db.tx(async (tx) => {
      const data = { key: 'cut', failures: 1, lastAt: clock.now() };
      await tx.signInThrottle.create({ data, select: { key: true } });
      proxy.cut();
      await tx.signInThrottle.count();
    }),
  ).rejects.toThrow();
  proxy.mend();
  await dbUp(true);
  expect(await count()).toBe(before);
});

test('a plain transaction whose connection dies between two statements fails, and nothing else does', async () => {
  const died = transaction(db.pool, async (client) => {
    await client.query('CREATE TABLE half_done (n int)');
    const ended = new Promise((resolve) => client.once('end', resolve));
    proxy.cut();
    await ended;
    await client.query('SELECT 1');
  });
  await expect(died).rejects.toThrow();
  proxy.mend();
  await dbUp(true);
  const { rows } = await db.pool.query("SELECT to_regclass('half_done') AS made");
  expect(rows).toEqual([{ made: null }]);
});

test('a job that was sent before an outage runs after it, once', async () => {
  const runs: unknown[] = [];
  const jobs = createJobs({ db, clock, log: silentLog(), work: true });
  afterAll(() => jobs.close());
  await jobs.start([
    {
      name: 'test.after',
      timeoutSeconds: 30,
      retryLimit: 3,
      run: async ({ data }) => void runs.push(data),
    },
  ]);
  proxy.cut();
  await dbUp(false);
  await expect(jobs.send('test.after', { n: 0 })).rejects.toThrow();
  // Another replica, which still reaches the database, queues the job meanwhile.
  const replica = await testRuntime({ databaseUrl: direct });
  const sender = createJobs({ db: replica.db, clock, log: silentLog(), work: false });
  await sender.start([]);
  await sender.send('test.after', { n: 1 }, 'once');
  await sender.send('test.after', { n: 1 }, 'once');
  await sender.close();
  expect(runs).toEqual([]);
  proxy.mend();
  await vi.waitFor(() => expect(runs).toEqual([{ n: 1 }]), { timeout: 15_000 });
}, 40_000);

test('a replica that is cut off no longer counts, and counts again when it is back', async () => {
  const counter = await createPresence({ url: direct, log: silentLog(), member: true });
  afterAll(() => counter.close());
  const others = async (wanted: number) =>
    vi.waitFor(() => expect(counter.count()).toBe(wanted), { timeout: 14_000, interval: 100 });
  const before = counter.count();
  proxy.cut();
  await others(before - 1);
  proxy.mend();
  await others(before);
}, 40_000);

test('what waits for a dead database ends: a ping in 2 s, a call in 5 s', async () => {
  proxy.stall();
  try {
    const started = performance.now();
    expect((await db.ping()).up).toBe(false);
    expect(performance.now() - started).toBeLessThan(2_500);
    await dbUp(false);
  } finally {
    proxy.mend();
  }
  await dbUp(true);
});
