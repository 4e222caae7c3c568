/**
 * Circuit breakers beside opossum 10 and cockatiel 4, in the same run: the cost of a guarded no-op, of a refusal, of
 * memory and of 2 000 idle ones; then a trip on one replica until another one refuses, over a real Redis.
 * Targets: overhead ≤ 0.7 × cockatiel and ≤ 0.25 × opossum, refusal ≤ 0.25 × both, memory ≤ 0.4 × cockatiel, idle
 * ≤ 0.1 % of a core, trip p95 ≤ 50 ms.
 */
import { execFileSync } from 'node:child_process';
import {
  type CircuitBreakerPolicy,
  circuitBreaker as cockatielBreaker,
  handleAll,
  SamplingBreaker,
} from 'cockatiel';
// @ts-expect-error It brings no types.
import Opossum from 'opossum';
import { createRedisBreakers } from '../server/breakers/redis-store.ts';
import {
  createBreakerGroup,
  createGuard,
  defaultPolicy,
  REJECTED,
} from '../server/client/index.ts';
import { systemClock } from '../server/platform/clock.ts';
import { silentLog } from '../server/platform/log.ts';
import { createSharedStore } from '../server/platform/redis/index.ts';
import { startRedis } from '../server/platform/testing/redis.ts';
import { quantile } from './measure.ts';

const now = () => performance.now();
const print = (what: string, figures: readonly string[]) =>
  process.stdout.write(`${what}: ${figures.join(' · ')}\n`);
const CALLS = 200_000;
const ROUNDS = 15;
const BREAKERS = 2_000;

type Subject = { name: string; call(): Promise<unknown> };
const noop = async () => 1;

function ours() {
  const group = createBreakerGroup({ replica: 'bench', store: null, now });
  const breaker = group.get('bench', defaultPolicy);
  return { group, guard: createGuard(group, breaker, now) };
}
const cockatiel = (): CircuitBreakerPolicy =>
  cockatielBreaker(handleAll, {
    halfOpenAfter: 60_000,
    breaker: new SamplingBreaker({ threshold: 0.5, duration: 60_000, minimumRps: 10 / 60 }),
  });
const opossum = () =>
  new Opossum(noop, {
    resetTimeout: 60_000,
    rollingCountTimeout: 60_000,
    rollingCountBuckets: 60,
    errorThresholdPercentage: 50,
    volumeThreshold: 10,
  });

/** Nanoseconds a call, the median of rounds that alternate between the subjects. */
async function perCall(subjects: readonly Subject[], calls: number): Promise<number[]> {
  const times = subjects.map((): number[] => []);
  for (let round = -2; round < ROUNDS; round++) {
    for (const [n, { call }] of subjects.entries()) {
      const begun = now();
      for (let i = 0; i < calls; i++) await call();
      if (round >= 0) times[n]?.push(((now() - begun) * 1e6) / calls);
    }
  }
  return times.map((each) =>
    quantile(
      each.sort((a, b) => a - b),
      0.5,
    ),
  );
}
const ratio = (a: number, b: number) => (a / b).toFixed(2);
const ns = (value: number) => `${value.toFixed(0)} ns`;

const { group, guard } = ours();
const [policy, circuit] = [cockatiel(), opossum()];
const [bare = 0, own = 0, peer = 0, other = 0] = await perCall(
  [
    { name: 'bare', call: noop },
    { name: 'wheelhouse', call: () => guard.run(noop) },
    { name: 'cockatiel', call: () => policy.execute(noop) },
    { name: 'opossum', call: () => circuit.fire() },
  ],
  CALLS,
);
print('guarded no-op, p50', [
  `bare ${ns(bare)}`,
  `wheelhouse ${ns(own)}`,
  `cockatiel ${ns(peer)}`,
  `opossum ${ns(other)}`,
  `overhead ratio ${ratio(own - bare, peer - bare)} and ${ratio(own - bare, other - bare)}`,
]);

await group.change(guard.breaker, { kind: 'trip' });
const held = policy.isolate();
circuit.open();
const refused = async (call: () => Promise<unknown>) => {
  try {
    await call();
  } catch {}
};
const [ownRefusal = 0, peerRefusal = 0, otherRefusal = 0] = await perCall(
  [
    { name: 'wheelhouse', call: () => refused(() => guard.run(noop)) },
    { name: 'cockatiel', call: () => refused(() => policy.execute(noop)) },
    { name: 'opossum', call: () => refused(() => circuit.fire()) },
  ],
  20_000,
);
print('refusal, p50', [
  `wheelhouse ${ns(ownRefusal)}`,
  `cockatiel ${ns(peerRefusal)}`,
  `opossum ${ns(otherRefusal)}`,
  `ratio ${ratio(ownRefusal, peerRefusal)} and ${ratio(ownRefusal, otherRefusal)}`,
]);
held.dispose();
circuit.shutdown();
await group.close();

// Memory and idle CPU in processes of their own, so that nothing else counts.
const alone = (setup: string) => {
  const text = execFileSync(
    process.execPath,
    [
      '--expose-gc',
      '--input-type=module',
      '-e',
      `${IMPORTS}\n${MEASURE.replace('SETUP', setup).replace('GROUP', setup.includes('group') ? 'own' : '')}`,
    ],
    { cwd: import.meta.dirname, encoding: 'utf8' },
  );
  return JSON.parse(text) as { bytes: number; cpu: number };
};
const IMPORTS = `import { createBreakerGroup, createGuard, defaultPolicy } from '../server/client/index.ts';
import { circuitBreaker, handleAll, SamplingBreaker } from 'cockatiel';
import Opossum from 'opossum';
const now = () => performance.now();
const noop = async () => 1;`;
const MEASURE = `const make = (n) => { SETUP };
const keep = [];
const group = 'GROUP' && createBreakerGroup({ replica: 'bench', store: null, now });
for (let n = 0; n < 50; n++) keep.push(make('warm' + n));
for (const each of keep) await each();
keep.length = 0;
gc(); gc();
const size = () => { const m = process.memoryUsage(); return m.heapUsed + m.arrayBuffers; };
const before = size();
for (let n = 0; n < ${BREAKERS}; n++) keep.push(make('b' + n));
for (const each of keep) await each();
await new Promise((resolve) => setTimeout(resolve, 1_000));
gc(); gc();
const bytes = (size() - before) / ${BREAKERS};
const cpu = process.cpuUsage();
const begun = now();
await new Promise((resolve) => setTimeout(resolve, 10_000));
const used = process.cpuUsage(cpu);
console.log(JSON.stringify({ bytes, cpu: (used.user + used.system) / 1000 / (now() - begun) }));
process.exit(0);`;
const nothing = alone('return async () => 1');
const mine = alone(
  `const g = createGuard(group, group.get(n, defaultPolicy), now); return () => g.run(noop)`,
);
const theirs = alone(
  `const p = circuitBreaker(handleAll, { halfOpenAfter: 60000, breaker: new SamplingBreaker({ threshold: 0.5, duration: 60000, minimumRps: 10 / 60 }) }); return () => p.execute(noop)`,
);
const others = alone(
  `const o = new Opossum(noop, { rollingCountTimeout: 60000, rollingCountBuckets: 60 }); return () => o.fire()`,
);
const kb = (bytes: number) => `${(bytes / 1024).toFixed(2)} KB`;
const percent = (share: number) => `${(share * 100).toFixed(2)} %`;
print('memory a breaker', [
  `wheelhouse ${kb(mine.bytes)}`,
  `cockatiel ${kb(theirs.bytes)}`,
  `opossum ${kb(others.bytes)}`,
  `ratio ${ratio(mine.bytes, theirs.bytes)} and ${ratio(mine.bytes, others.bytes)}`,
]);
print(`CPU of ${BREAKERS} idle`, [
  `none ${percent(nothing.cpu)}`,
  `wheelhouse ${percent(mine.cpu)}`,
  `cockatiel ${percent(theirs.cpu)}`,
  `opossum ${percent(others.cpu)}`,
]);

const redis = await startRedis();
const replica = async (name: string) => {
  const log = silentLog();
  const shared = await createSharedStore({ url: redis.url, clock: systemClock, log });
  const store = createRedisBreakers(shared);
  const available = () => shared.client() !== null;
  return { shared, group: createBreakerGroup({ replica: name, store, available, now }) };
};
const [a, b] = [await replica('a'), await replica('b')];
const times: number[] = [];
for (let n = 0; n < 200; n++) {
  const [here, there] = [a, b].map((each) => each.group.get(`trip ${n}`, defaultPolicy));
  if (!here || !there) continue;
  await b.group.refresh([there]);
  const begun = now();
  await a.group.change(here, { kind: 'trip' });
  while (there.admit(now()) !== REJECTED) await new Promise((resolve) => setImmediate(resolve));
  times.push(now() - begun);
}
times.sort((x, y) => x - y);
const ms = (value: number) => `${value.toFixed(2)} ms`;
print('a trip on one replica refuses on another', [
  `p50 ${ms(quantile(times, 0.5))}`,
  `p95 ${ms(quantile(times, 0.95))}`,
  `max ${ms(times.at(-1) ?? Number.NaN)}`,
]);
for (const each of [a, b]) {
  await each.group.close();
  await each.shared.close();
}
await redis.stop();
