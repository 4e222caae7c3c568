import { describe, expect, test } from 'vitest';
import { prefixPattern, readPlans, withoutValues } from './plan-log.ts';

const plan = (text: string) => ({
  'Query Text': text,
  Plan: { 'Node Type': 'Seq Scan', Filter: "((name)::text = 'secret'::text)" },
});
const written = (head: string, text: string) =>
  `${head}LOG:  duration: 123.456 ms  plan:\n${JSON.stringify(plan(text), null, 2)
    .split('\n')
    .map((line) => `\t${line}`)
    .join('\n')}\n`;

describe('a log in text', () => {
  const head = '2026-11-21 19:00:00.123 UTC [42] ada@shop psql ';
  const prefix = prefixPattern('%m [%p] %u@%d %a ');
  test('plans with their database, application and time; other lines are passed over', () => {
    const log = Buffer.from(
      `${head}LOG:  checkpoint starting: time\n${written(head, 'SELECT 1')}${head}ERROR:  x\n\tmore\n`,
    );
    const { plans, bytes } = readPlans(log, 'stderr', prefix);
    expect(plans).toMatchObject([
      {
        durationMs: 123.456,
        text: 'SELECT 1',
        database: 'shop',
        application: 'psql',
        at: new Date('2026-11-21T19:00:00.123Z'),
      },
    ]);
    expect(bytes).toBe(log.length);
  });
  test('what is cut at any place is read once, when it is whole', () => {
    const log = Buffer.from(
      `${written(head, "SELECT 'ä'")}${written(head, 'SELECT 2')}${head}LOG:  end\n`,
    );
    for (let cut = 0; cut < log.length; cut += 7) {
      const first = readPlans(log.subarray(0, cut), 'stderr', prefix);
      const rest = readPlans(log.subarray(first.bytes), 'stderr', prefix);
      expect([...first.plans, ...rest.plans].map(({ text }) => text)).toEqual([
        "SELECT 'ä'",
        'SELECT 2',
      ]);
    }
  });
  test('a prefix without a database, and one with signs of expressions', () => {
    const log = Buffer.from(written('(19:00) [42] ', 'SELECT 1'));
    expect(readPlans(log, 'stderr', prefixPattern('(%x) [%p] ')).plans).toMatchObject([
      { database: null, at: null },
    ]);
  });
  test('JSON that is none, and messages without a plan, are passed over', () => {
    const log = Buffer.from(
      `${head}LOG:  duration: 1 ms  plan:\n\t{ "Query Text": \n${head}LOG:  duration: 1 ms\n`,
    );
    expect(readPlans(log, 'stderr', prefix).plans).toEqual([]);
  });
});

test('a log in JSON', () => {
  const row = {
    timestamp: '2026-11-21 19:00:00.123 UTC',
    dbname: 'shop',
    application_name: 'api',
    message: `duration: 5.5 ms  plan:\n${JSON.stringify(plan('SELECT 1'))}`,
  };
  const log = Buffer.from(
    `${JSON.stringify(row)}\nnot json plan:\n${JSON.stringify(row).slice(0, 20)}`,
  );
  const { plans, bytes } = readPlans(log, 'jsonlog', prefixPattern(''));
  expect(plans).toMatchObject([{ durationMs: 5.5, database: 'shop', application: 'api' }]);
  expect(bytes).toBe(log.lastIndexOf('\n') + 1);
});

test('plans are kept without values', () => {
  const stripped = JSON.stringify(
    withoutValues({
      Plan: {
        'Node Type': 'Index Scan',
        'Index Name': 'orders_2024_idx',
        'Index Cond': "((id = 4711) AND (name = 'it''s secret'::text) AND (a2 > $1))",
        Filter: "(note ~~ E'%secret\\'%'::text)",
        'Actual Rows': 12,
        Plans: [{ 'Recheck Cond': '(price > 12.5)', Output: ["'secret'::text"] }],
      },
    }),
  );
  expect(stripped).not.toMatch(/secret|4711|12\.5/);
  expect(stripped).toContain('orders_2024_idx');
  expect(stripped).toContain('a2 > $1');
  expect(stripped).toContain('"Actual Rows":12');
});
