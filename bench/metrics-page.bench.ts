/**
 * `/metrics` with 10 000 series: how long the event loop is held up, and CPU. Peer: prom-client's own
 * `registry.metrics()` on the same registry, in turn with ours. Target: at most 5 ms.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { createExposition } from '../server/platform/exposition.ts';
import { ms, print, quantile } from './measure.ts';

const ROUNDS = 21;
const registry = new Registry();
const registers = [registry];
const labelNames = ['method', 'route', 'status'] as const;
const label = (n: number) => ({
  method: ['GET', 'POST', 'PUT'][n % 3] ?? '',
  route: `/api/things/${Math.floor(n / 6)}`,
  status: n % 2 === 0 ? '200' : '500',
});
const histogram = new Histogram({
  name: 'bench_request_duration_seconds',
  help: 'Duration of requests.',
  labelNames,
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  registers,
});
const counter = new Counter({ name: 'bench_total', help: 'Events.', labelNames, registers });
const gauge = new Gauge({ name: 'bench_value', help: 'A value.', labelNames, registers });
// 375 × 16 + 2 000 + 2 000 = 10 000.
for (let n = 0; n < 375; n++) histogram.observe(label(n), (n % 40) / 20);
for (let n = 0; n < 2_000; n++) {
  counter.inc(label(n), n);
  gauge.set(label(n), n * 1.37);
}

/** Runs it and answers the longest time without a turn of the event loop, and all CPU. */
async function held(
  work: () => Promise<string>,
): Promise<{ longest: number; cpu: number; text: string }> {
  let last = performance.now();
  let longest = 0;
  let going = true;
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (going) setImmediate(look);
  };
  setImmediate(look);
  // Let the first look pass.
  await new Promise((resolve) => setImmediate(resolve));
  longest = 0;
  const before = process.cpuUsage();
  const text = await work();
  longest = Math.max(longest, performance.now() - last);
  const { user, system } = process.cpuUsage(before);
  going = false;
  return { longest, cpu: (user + system) / 1000, text };
}

const write = createExposition(registry);
const ours: number[] = [];
const theirs: number[] = [];
const cpu = { ours: 0, theirs: 0 };
let series = 0;
for (let round = 0; round < ROUNDS; round++) {
  const a = await held(() => registry.metrics());
  const b = await held(write);
  if (a.text !== b.text) throw new Error('the two texts differ');
  series = b.text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  // The first rounds warm up.
  if (round < 5) continue;
  theirs.push(a.longest);
  ours.push(b.longest);
  cpu.theirs += a.cpu;
  cpu.ours += b.cpu;
}
const rounds = ROUNDS - 5;
for (const list of [ours, theirs]) list.sort((x, y) => x - y);
const row = (name: string, list: number[], total: number) => ({
  [name]: `${series} series`,
  blocked: ms(quantile(list, 0.5)),
  most: ms(list.at(-1) ?? Number.NaN),
  cpu: ms(total / rounds),
});
print([row('wheelhouse', ours, cpu.ours), row('prom-client', theirs, cpu.theirs)]);
print([
  {
    ratio: `blocked ${(quantile(ours, 0.5) / quantile(theirs, 0.5)).toFixed(3)}×, CPU ${(cpu.ours / cpu.theirs).toFixed(3)}×; target ≤ 5 ms`,
  },
]);
