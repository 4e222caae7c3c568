import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createDetector } from '../metrics/index.ts';
import { PlainError } from '../platform/plain-error.ts';
import { testFolder } from '../platform/testing/index.ts';
import { evaluateAnomaly } from './evaluate.ts';

const folder = testFolder();
let files = 0;
async function evaluate(text: string): Promise<{ series?: string; at: string; score: number }[]> {
  const file = path.join(folder, `${files++}.csv`);
  writeFileSync(file, text);
  let out = '';
  for await (const piece of evaluateAnomaly(file)) out += piece;
  return JSON.parse(out);
}
const at = (i: number) => new Date(Date.UTC(2026, 2, 2) + i * 300_000).toISOString();
const wave = (i: number) => (i === 700 ? 99 : Math.round(10 * Math.sin(i / 20)));

test('one entry for each row, in the order of the file, with the scores of the detector', async () => {
  const rows = Array.from({ length: 1_000 }, (_, i) => ({ at: at(i), value: wave(i) }));
  const answer = await evaluate(
    `timestamp,value\n${rows.map((row) => `${row.at},${row.value}`).join('\n')}\n`,
  );
  const detector = createDetector();
  expect(answer).toEqual(
    rows.map((row) => ({
      at: row.at,
      score: detector.push(Date.parse(row.at), row.value).score,
    })),
  );
  expect(answer[700]?.score).toBeGreaterThan(0.5);
});

test('series that are interleaved do not see each other', async () => {
  const lines = Array.from({ length: 900 }, (_, i) => [
    `"a, ""b""",${at(i)},${wave(i)}`,
    `c,${at(i)},${i % 7}`,
  ]).flat();
  const both = await evaluate(`series,timestamp,value\r\n${lines.join('\r\n')}`);
  const alone = await evaluate(
    `timestamp,value\n${Array.from({ length: 900 }, (_, i) => `${at(i)},${wave(i)}`).join('\n')}`,
  );
  expect(both).toHaveLength(1_800);
  expect(both.filter(({ series }) => series === 'a, "b"').map(({ score }) => score)).toEqual(
    alone.map(({ score }) => score),
  );
});

test('times without a zone are UTC, numbers are seconds or milliseconds, gaps have the score 0', async () => {
  const answer = await evaluate(
    '\uFEFFTimestamp,Value\n2015-02-26 21:42:53,1\n2015-02-26T22:42:53+01:00,\n1424986973,NaN\n1424986973000,inf\n2015-02-26,-1.5e3\n\n',
  );
  const same = '2015-02-26T21:42:53.000Z';
  expect(answer.map((row) => row.at)).toEqual([same, same, same, same, '2015-02-26T00:00:00.000Z']);
  expect(answer.map(({ score }) => score)).toEqual([0, 0, 0, 0, 0]);
});

test('a file with a header alone is an empty list', async () => {
  expect(await evaluate('timestamp,value\n')).toEqual([]);
});

describe('what is wrong is named with its line, the value and what is accepted', () => {
  test.each([
    ['', /is empty; its first line must be timestamp,value or series,timestamp,value/],
    ['a,b\n', /line 1: "a,b" is not accepted; the first line must be timestamp,value or/],
    [
      'timestamp,value\nnow,1',
      /line 2: the timestamp "now" is not accepted; it must be a time such/,
    ],
    [
      'timestamp,value\n1,1\n2,high',
      /line 3: the value "high" is not accepted; it must be a number/,
    ],
    ['timestamp,value\n1,0x10', /line 2: the value "0x10"/],
    ['timestamp,value\n2026-13-40,1', /line 2: the timestamp "2026-13-40"/],
    ['timestamp,value\n1,2,3', /line 2: the row "1,2,3" is not accepted; it must be 2 cells/],
    [
      'series,timestamp,value\n"a,1,2',
      /line 2: the row ""a,1,2" is not accepted; it must be 3 cells/,
    ],
  ])('%j', async (text, message) => {
    await expect(evaluate(text)).rejects.toThrow(message);
    await expect(evaluate(text)).rejects.toBeInstanceOf(PlainError);
  });
  test('a file that is not there', async () => {
    const pieces = evaluateAnomaly(path.join(folder, 'nowhere.csv'));
    await expect(pieces.next()).rejects.toThrow(/nowhere\.csv: ENOENT/);
  });
});
