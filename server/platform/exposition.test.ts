import fc from 'fast-check';
import { Counter, Gauge, Histogram, Registry, Summary } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { createExposition } from './exposition.ts';

/** prom-client writes `Nan`; the format's word is `NaN`. */
const theirs = async (registry: Registry) =>
  (await registry.metrics()).replaceAll(/ Nan$/gm, ' NaN');

describe('the text is what prom-client writes', () => {
  test('for any labels, values and kinds, again and again', async () => {
    const label = fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.constantFrom('a"b', 'line\nbreak', 'back\\slash', '', 'ü'),
    );
    const value = fc.oneof(
      fc.double({ min: -1e12, max: 1e12, noNaN: true }),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ one: label, two: label, value }), { maxLength: 20 }),
        async (rows) => {
          const registry = new Registry();
          const registers = [registry];
          const labelNames = ['one', 'two'] as const;
          const help = 'What "it" is,\nand a \\ too.';
          const gauge = new Gauge({ name: 'g', help, labelNames, registers });
          const counter = new Counter({ name: 'c_total', help, labelNames, registers });
          const plain = new Gauge({ name: 'plain', help, registers });
          const summary = new Summary({ name: 's', help, registers });
          const histogram = new Histogram({
            name: 'h',
            help,
            labelNames,
            registers,
            buckets: [0.1, 1, 5],
          });
          new Histogram({ name: 'bare', help, registers, buckets: [1] });
          new Gauge({
            name: 'collected',
            help,
            labelNames: ['n'],
            registers,
            collect() {
              this.set({ n: 'x' }, rows.length);
            },
          });
          const write = createExposition(registry);
          expect(await write()).toBe(await theirs(registry));
          for (const { one, two, value } of rows) {
            gauge.set({ one, two }, value);
            if (Number.isFinite(value)) {
              plain.set(value);
              counter.inc({ one, two }, Math.abs(value));
              histogram.observe({ one, two }, value);
              summary.observe(value);
            }
            expect(await write()).toBe(await theirs(registry));
          }
          for (const { one, two } of rows.slice(0, 3)) gauge.remove({ one, two });
          expect(await write()).toBe(await theirs(registry));
          registry.resetMetrics();
          expect(await write()).toBe(await theirs(registry));
        },
      ),
      { numRuns: 40 },
    );
  });
  test('of no metrics at all', async () => {
    const registry = new Registry();
    expect(await createExposition(registry)()).toBe(await theirs(registry));
  });
});

test('others get their turn while much is written', async () => {
  const registry = new Registry();
  const gauge = new Gauge({ name: 'g', help: 'h', labelNames: ['n'], registers: [registry] });
  for (let n = 0; n < 100_000; n++) gauge.set({ n: String(n) }, n);
  let turns = 0;
  let writing = true;
  const count = () => {
    turns++;
    if (writing) setImmediate(count);
  };
  setImmediate(count);
  await createExposition(registry)();
  writing = false;
  expect(turns).toBeGreaterThan(5);
});
