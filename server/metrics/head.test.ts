import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Columns, decodeBatch, encodeBatch } from './batch.ts';
import { Head } from './head.ts';

const columns = (samples: [number, number, number][]) => {
  const out = new Columns(1);
  for (const [id, at, value] of samples) out.push(id, at, value);
  return out;
};
const sample = fc.tuple(
  fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  fc.integer({ min: 0, max: 2.2e15 }).map((us) => us / 1000),
  fc.double(),
);
const list = (of: Columns) =>
  Array.from({ length: of.count }, (_, i) => [of.ids[i], of.times[i], of.values[i]]);

test('payloads come back, one by one and joined', () => {
  fc.assert(
    fc.property(fc.array(fc.array(sample, { maxLength: 50 }), { maxLength: 5 }), (batches) => {
      const joined = Buffer.concat(batches.map((batch) => encodeBatch(columns(batch))));
      const back = new Columns(1);
      decodeBatch(joined, back);
      expect(list(back)).toEqual(batches.flat());
    }),
  );
});

test('a payload that was cut off is no endless loop and no wrong sample', () => {
  const whole = encodeBatch(columns([[7, 1_790_000_000_000, 1.5]]));
  for (let end = 1; end < whole.length; end++) {
    expect(() => decodeBatch(whole.subarray(0, end), new Columns(1))).toThrow(/too early/);
  }
});

test('the recent window behaves like a list, over appends and drops', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          add: fc.integer({ min: 1, max: 40_000 }),
          drop: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
        { minLength: 1, maxLength: 8 },
      ),
      (steps) => {
        const head = new Head();
        let model: [number, number, number][] = [];
        let counter = 0;
        for (const { add, drop } of steps) {
          const fresh = Array.from({ length: add }, (): [number, number, number] => {
            counter++;
            return [1 + (counter % 3), 1_000 + counter, counter / 2];
          });
          head.append(columns(fresh));
          model.push(...fresh);
          expect(head.size).toBe(model.length);
          const gone = Math.floor(model.length * drop);
          expect(list(head.copy(head.start, head.position, 10))).toEqual(model.slice(0, 10));
          head.drop(head.start + gone);
          model = model.slice(gone);
          expect(head.size).toBe(model.length);
          const middle = 1_000 + counter - 500;
          const { times, values } = head.read(2, middle, Number.POSITIVE_INFINITY);
          const wanted = model.filter(([id, at]) => id === 2 && at >= middle);
          expect([...times]).toEqual(wanted.map(([, at]) => at));
          expect([...values]).toEqual(wanted.map(([, , value]) => value));
        }
      },
    ),
    { numRuns: 30 },
  );
});
