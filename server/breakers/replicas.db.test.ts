/** Breakers of several replicas on one real Redis that comes and goes, in one process and in two. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type Breaker,
  type BreakerGroup,
  createBreakerGroup,
  defaultPolicy,
  REJECTED,
  type Transition,
} from '../client/index.ts';
import { systemClock } from '../platform/clock.ts';
import { silentLog } from '../platform/log.ts';
import { createSharedStore, type SharedStore } from '../platform/redis/index.ts';
import { startRedis, type TestRedis } from '../platform/testing/index.ts';
import { createRedisBreakers } from './redis-store.ts';

const policy = { ...defaultPolicy, openMs: 300, probeLeaseMs: 60_000 };
let redis: TestRedis;
const made: { group: BreakerGroup; shared: SharedStore }[] = [];
let count = 0;
let name = '';
beforeAll(async () => {
  redis = await startRedis();
});
beforeEach(async () => {
  name = `n${++count}`;
  await redis.start();
});
afterAll(async () => {
  for (const { group, shared } of made) {
    await group.close();
    await shared.close();
  }
  await redis.stop();
});

async function replica(label: string) {
  const shared = await createSharedStore({ url: redis.url, clock: systemClock, log: silentLog() });
  await vi.waitFor(() => expect(shared.status().state).toBe('up'), { timeout: 5_000 });
  const transitions: Transition[] = [];
  const onTransition = (each: Transition) => transitions.push(each);
  const group = createBreakerGroup({
    replica: label,
    store: createRedisBreakers(shared, onTransition),
    available: () => shared.client() !== null,
    now: () => performance.now(),
    onTransition,
  });
  made.push({ group, shared });
  const breaker = group.get(name, policy);
  return { group, breaker, transitions, shared };
}
type Replica = Awaited<ReturnType<typeof replica>>;
const calls = async ({ group, breaker }: Replica, n: number, outcome: 'success' | 'failure') => {
  for (let i = 0; i < n; i++) {
    const token = await group.admit(breaker);
    if (token !== REJECTED) group.record(breaker, token, outcome, 1);
  }
};
const becomes = (breakers: Breaker[], machine: string, timeout = 5_000) =>
  vi.waitFor(
    () =>
      expect(breakers.map((each) => each.machine(performance.now()))).toEqual(
        breakers.map(() => machine),
      ),
    { timeout, interval: 5 },
  );

describe('two replicas', () => {
  test('add up their failures, and open for both', async () => {
    const [a, b] = [await replica('a'), await replica('b')];
    await calls(a, 5, 'failure');
    await calls(b, 5, 'failure');
    await becomes([a.breaker, b.breaker], 'open');
    expect([...a.transitions, ...b.transitions].filter(({ to }) => to === 'open')).toHaveLength(1);
  });

  test('let exactly three trials through when a thousand ask at once', async () => {
    const [a, b] = [await replica('a'), await replica('b')];
    await calls(a, 10, 'failure');
    await becomes([a.breaker, b.breaker], 'open');
    await becomes([a.breaker, b.breaker], 'half_open');
    const asked = await Promise.all(
      Array.from({ length: 1_000 }, async (_, n) => {
        const { group, breaker } = n % 2 === 0 ? a : b;
        return { group, breaker, token: await group.admit(breaker) };
      }),
    );
    const trials = asked.filter(({ token }) => token !== REJECTED);
    expect(trials).toHaveLength(3);
    for (const { group, breaker, token } of trials) group.record(breaker, token, 'success', 1);
    await becomes([a.breaker, b.breaker], 'closed');
    expect(a.breaker.totals(performance.now()).calls).toBe(0);
  });

  test('hear of a change whose message was lost, with the next look', async () => {
    const [a, b] = [await replica('a'), await replica('b')];
    const client = a.shared.client();
    await b.group.flush();
    // As another replica would, but nobody is told.
    await client?.hset(`wheelhouse:{breakers}:s:${name}`, {
      g: 9,
      m: 'open',
      f: 'open',
      o: 0,
      c: 'operator',
      s: '',
    });
    await client?.zadd(
      'wheelhouse:{breakers}:z',
      Number(await client.incr('wheelhouse:{breakers}:v')),
      name,
    );
    await vi.waitFor(() => expect(b.breaker.forced).toBe('open'), { timeout: 3_000 });
  });

  test('go on alone when Redis stops in the middle of the trials, and come back to the strictest', async () => {
    const [a, b] = [await replica('a'), await replica('b')];
    await calls(a, 10, 'failure');
    await becomes([a.breaker, b.breaker], 'half_open');
    const first = await a.group.admit(a.breaker);
    expect(first).not.toBe(REJECTED);
    await redis.stop();
    const begun = performance.now();
    // Nobody waits for a Redis that is gone; slots that are left are each one's own now.
    const tokens = await Promise.all(Array.from({ length: 20 }, () => b.group.admit(b.breaker)));
    expect(performance.now() - begun).toBeLessThan(1_500);
    const given = tokens.filter((token) => token !== REJECTED);
    expect(given.length).toBeGreaterThan(0);
    expect(given.length).toBeLessThanOrEqual(3);
    for (const token of given) b.group.record(b.breaker, token, 'failure', 1);
    await vi.waitFor(() => expect(b.group.status().away).toBe(true), { timeout: 3_000 });
    a.group.record(a.breaker, first, 'success', 1);
    await vi.waitFor(() => expect(a.group.status().away).toBe(true), { timeout: 3_000 });
    // Alone, b holds it open as long as its policy says.
    b.breaker.setPolicy({ ...policy, openMs: 60_000 });
    a.breaker.setPolicy({ ...policy, openMs: 60_000 });
    await redis.start();
    await vi.waitFor(
      () => expect([a.group.status().away, b.group.status().away]).toEqual([false, false]),
      { timeout: 8_000 },
    );
    const strictest = b.breaker.machine(performance.now());
    await becomes([a.breaker, b.breaker], strictest);
  });

  test('lose no state to a Redis that was emptied', async () => {
    const [a, b] = [await replica('a'), await replica('b')];
    await calls(a, 10, 'failure');
    a.breaker.setPolicy({ ...policy, openMs: 60_000 });
    b.breaker.setPolicy({ ...policy, openMs: 60_000 });
    await becomes([a.breaker, b.breaker], 'open');
    await a.shared.client()?.flushdb();
    await vi.waitFor(
      async () =>
        expect(await a.shared.client()?.hget(`wheelhouse:{breakers}:s:${name}`, 'm')).toBe('open'),
      { timeout: 5_000 },
    );
    await becomes([a.breaker, b.breaker], 'open');
  });
});

test('a frozen Redis holds nobody up', async () => {
  const a = await replica('a');
  await calls(a, 2, 'success');
  redis.freeze();
  const begun = performance.now();
  await calls(a, 10_000, 'success');
  expect(performance.now() - begun).toBeLessThan(1_000);
  await calls(a, 20_000, 'failure');
  await becomes([a.breaker], 'open').finally(() => redis.thaw());
});

describe('two processes', () => {
  const program = `
    import { createBreakerGroup, defaultPolicy, REJECTED } from '${new URL('../client/index.ts', import.meta.url)}';
    import { createSharedStore } from '${new URL('../platform/redis/index.ts', import.meta.url)}';
    import { systemClock } from '${new URL('../platform/clock.ts', import.meta.url)}';
    import { createRedisBreakers } from '${new URL('./redis-store.ts', import.meta.url)}';
    import { createInterface } from 'node:readline';
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const shared = await createSharedStore({ url: process.argv[1], clock: systemClock, log });
    const group = createBreakerGroup({ replica: 'child', store: createRedisBreakers(shared),
      available: () => shared.client() !== null, now: () => performance.now() });
    const breaker = group.get(process.argv[2], { ...defaultPolicy, openMs: 60000 });
    for await (const line of createInterface({ input: process.stdin })) {
      const [what, times, outcome] = line.split(' ');
      let admitted = 0;
      for (let n = 0; n < Number(times); n++) {
        const token = await group.admit(breaker);
        if (token === REJECTED) continue;
        admitted++;
        group.record(breaker, token, outcome, 1);
      }
      const { away } = group.status();
      console.log(JSON.stringify({ what, admitted, away, machine: breaker.machine(performance.now()) }));
    }
    process.exit(0);
  `;
  let child: ChildProcess | undefined;
  afterAll(() => {
    child?.kill('SIGKILL');
  });

  test('share one breaker, alone while Redis is away, together again when it is back', async () => {
    const a = await replica('parent');
    a.breaker.setPolicy({ ...policy, openMs: 60_000 });
    child = spawn(process.execPath, ['--input-type=module', '-e', program, redis.url, name], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const { stdin, stdout } = child;
    if (!stdin || !stdout) throw new Error('no pipes');
    const lines = createInterface({ input: stdout });
    const tell = async (text: string) => {
      const answer = once(lines, 'line');
      stdin.write(`${text}\n`);
      return JSON.parse(String((await answer)[0]));
    };
    expect(await tell('call 5 failure')).toMatchObject({
      admitted: 5,
      machine: 'closed',
      away: false,
    });
    await redis.stop();
    await vi.waitFor(() => expect(a.shared.client()).toBeNull(), { timeout: 5_000 });
    await vi.waitFor(async () => expect((await tell('look 0 success')).away).toBe(true), {
      timeout: 5_000,
    });
    // Each has a window of its own now.
    expect(await tell('call 9 failure')).toMatchObject({ admitted: 9, machine: 'closed' });
    await calls(a, 9, 'success');
    expect(await tell('call 1 failure')).toMatchObject({ admitted: 1, machine: 'open' });
    expect(a.breaker.machine(performance.now())).toBe('closed');
    await redis.start();
    await becomes([a.breaker], 'open', 10_000);
    expect(await tell('look 0 success')).toMatchObject({ machine: 'open' });
  });
});
