/** Files as people have them: each is written, looked at and profiled as the worker does it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { previewTask, profileTask } from './compute.ts';
import { createProfiler } from './profile.ts';
import { numberOf, timeOf } from './sniff.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'wheelhouse-intake-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const write = (content: string | Buffer): string => {
  const file = path.join(folder, String(count++));
  writeFileSync(file, content);
  return file;
};
const features = [
  { name: 'amount', kind: 'numeric' as const },
  { name: 'plan', kind: 'categorical' as const },
];
const look = async (content: string | Buffer, hints = {}) => {
  const found = await previewTask({ file: write(content), hints, features });
  if ('fault' in found) throw new Error(found.fault);
  return found;
};
const fault = async (content: string | Buffer) => {
  const found = await previewTask({ file: write(content), hints: {}, features });
  return 'fault' in found ? found.fault : null;
};
const profile = async (
  content: string | Buffer,
  more: { timeColumn?: string; size?: number } = {},
) => {
  const found = await profileTask({
    file: write(content),
    hints: {},
    features: features.map((feature) => ({ ...feature, column: feature.name })),
    timeColumn: more.timeColumn ?? null,
    size: more.size ?? 1_000,
    seed: 1,
    progress: new Int32Array(2),
  });
  if ('fault' in found) throw new Error(found.fault);
  const values = found.columns.map(({ kind, data, dictionary }) => {
    const { buffer } = new Uint8Array(inflateSync(data));
    if (kind !== 'categorical') return [...new Float64Array(buffer)];
    return [...new Int32Array(buffer)].map((code) => dictionary[code] ?? null);
  });
  return { ...found, values };
};

describe('a file is understood', () => {
  const rows = 'amount;plan\n1,5;"a;b"\n2,25;free\n3,75;free\n';
  test.each([
    ['with a BOM, semicolons and decimal commas', `\ufeff${rows}`, 'utf-8', true],
    ['in UTF-16', Buffer.from(`\ufeff${rows}`, 'utf16le'), 'utf-16le', true],
    [
      'in Windows-1252',
      Buffer.from(rows.replace('free', 'fr\u00e9e'), 'latin1'),
      'windows-1252',
      false,
    ],
  ])('%s', async (_name, content, encoding, bom) => {
    const found = await look(content);
    expect(found.dialect).toEqual({
      encoding,
      bom,
      format: 'csv',
      delimiter: ';',
      decimal: ',',
      header: true,
    });
    expect(found.columns.map(({ name, type }) => [name, type])).toEqual([
      ['amount', 'numeric'],
      ['plan', 'categorical'],
    ]);
    expect((await profile(content)).values[0]).toEqual([1.5, 2.25, 3.75]);
  });
  test.each([
    ['tab', '\t'],
    ['bar', '|'],
    ['comma', ','],
  ])(
    'with a %s between cells, quotes, and line breaks and delimiters in them',
    async (_name, sign) => {
      const content = `amount${sign}plan\r\n1${sign}"two\r\nlines"\r\n2${sign}"a ""quote"" ${sign} and more"\r\n`;
      const found = await look(content);
      expect(found.dialect.delimiter).toBe(sign);
      expect(found.quoted).toBe(true);
      expect((await profile(content)).values[1]).toEqual([
        'two\r\nlines',
        `a "quote" ${sign} and more`,
      ]);
    },
  );
  test('without a header: the first row is data', async () => {
    const found = await look('1,free\n2,team\n3,free\n');
    expect(found.dialect.header).toBe(false);
    expect(found.columns.map(({ name }) => name)).toEqual(['column 1', 'column 2']);
    expect(found.rows).toBe(3);
  });
  test('JSON as a list and by lines, in pieces that cut anywhere', async () => {
    const objects = Array.from({ length: 3_000 }, (_, i) => ({
      amount: i,
      plan: `p"}]{[${i % 3}`,
      x: { y: [i] },
    }));
    for (const content of [
      JSON.stringify(objects, null, 1),
      objects.map((one) => JSON.stringify(one)).join('\n'),
    ]) {
      const found = await profile(content, { size: 5_000 });
      expect(found.rows).toBe(3_000);
      expect(found.values[0]).toEqual(objects.map(({ amount }) => amount));
      expect(found.features[1]?.categories).toBe(3);
    }
  });
  test.each([
    ['empty', '', /empty/],
    ['space alone', ' \n\n', /nothing but space/],
    ['a header alone', 'amount,plan\n', /no rows/],
    ['an Excel file', Buffer.from('PK\u0003\u0004xxxx'), /Excel/],
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 0]), /compressed/],
    ['a picture', Buffer.from([0x89, 0x50, 0, 1, 0, 0, 2, 7]), /no text/],
    ['a quote that is never closed', 'amount,plan\n1,"x\n2,y\n', /quote .*never closed/],
    ['a list of numbers', '[1,2,3]', /Entry 1 is no object/],
    ['broken JSON', '[{"amount":1},{"amount":}]', /Object 2 is no valid JSON/],
    ['a list that ends too early', '[{"amount":1},{"amount":2', /not closed after object 1/],
  ])('%s: one plain sentence', async (_name, content, message) => {
    expect(await fault(content)).toMatch(message);
  });
});

describe('a profile', () => {
  test('counts what is missing, infinite and no number, and names the lines', async () => {
    const found = await profile(
      'amount,plan\n1,a\n,a\nNA,\ninf,b\nten,b\n"5 ",\n-Infinity,c\ntwelve,c\n',
    );
    expect(found.features[0]).toMatchObject({
      missing: 4,
      infinite: 2,
      notNumeric: 2,
      examples: [
        { line: 6, text: 'ten' },
        { line: 9, text: 'twelve' },
      ],
      mean: 3,
      sd: 2,
      min: 1,
      max: 5,
    });
    expect(found.features[1]).toMatchObject({ missing: 2, categories: 3 });
    expect(found.values[1]).toEqual(['a', 'a', null, 'b', 'b', null, 'c', 'c']);
  });
  test.each([1e9, 1e-9, -1e9])('keeps its digits at a scale of %f', async (scale) => {
    const list = [1, 2, 3, 4, 5].map((value) => (value + 1_000) * scale);
    const found = await profile(`amount,plan\n${list.map((value) => `${value},a`).join('\n')}\n`);
    const mean = list.reduce((sum, value) => sum + value, 0) / 5;
    const sd = Math.sqrt(list.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 5);
    expect(found.features[0]?.mean).toBeCloseTo(mean, 6);
    expect((found.features[0]?.sd ?? 0) / sd).toBeCloseTo(1, 6);
  });
  test.each([
    ['one value', 'amount,plan\n7,a\n', { mean: 7, sd: 0, missing: 0 }],
    ['all equal', 'amount,plan\n7,a\n7,a\n7,a\n', { mean: 7, sd: 0, min: 7, max: 7 }],
    ['all missing', 'amount,plan\n,\n,\n', { mean: null, sd: null, missing: 2 }],
  ])('%s', async (_name, content, expected) => {
    expect((await profile(content)).features[0]).toMatchObject(expected);
  });
  test('rows of other lengths are counted; cells that are not there are missing', async () => {
    const found = await profile('amount,plan\n1,a\n2\n3,b,c,d\n');
    expect(found).toMatchObject({ rows: 3, ragged: 2, raggedLines: [3, 4] });
    expect(found.values).toEqual([
      [1, 2, 3],
      ['a', null, 'b'],
    ]);
  });
  test('unordered and equal times are put in order; without a time a row is counted and left out', async () => {
    const found = await profile(
      'at,amount,plan\n2026-01-03,3,a\n2026-01-01T00:00:00Z,1,a\nnever,9,a\n2026-01-03 00:00:00,4,a\n1767312000,2,a\n',
      { timeColumn: 'at' },
    );
    expect(found).toMatchObject({ rows: 5, sampled: 4, withoutTime: 1 });
    expect(found.values[0]).toEqual([1, 2, 3, 4]);
    expect(new Date(found.from ?? 0).toISOString()).toBe('2026-01-01T00:00:00.000Z');
  });
  test('samples uniformly, and memory does not grow with the rows', () => {
    const size = 200;
    const rows = 20_000;
    const bins = new Array<number>(10).fill(0);
    for (let seed = 0; seed < 50; seed++) {
      const profiler = createProfiler({
        features: [{ name: 'x', kind: 'numeric' }],
        size,
        seed,
        decimal: '.',
        timed: false,
      });
      for (let row = 0; row < rows; row++) profiler.add([row], row);
      const { columns } = profiler.finish();
      const values = [...(columns[0]?.values ?? [])];
      expect(values).toHaveLength(size);
      expect(values).toEqual([...values].sort((a, b) => a - b));
      for (const value of values) {
        const bin = Math.floor((value * 10) / rows);
        bins[bin] = (bins[bin] ?? 0) + 1;
      }
    }
    // 1 000 are expected in each; four deviations.
    for (const found of bins) expect(Math.abs(found - 1_000)).toBeLessThan(4 * 30);
  });
  test('of more different values than can be told apart the rest is one', () => {
    const profiler = createProfiler({
      features: [{ name: 'x', kind: 'categorical' }],
      size: 10,
      seed: 1,
      decimal: '.',
      timed: false,
    });
    for (let row = 0; row < 30_000; row++) profiler.add([`id ${row}`], row);
    expect(profiler.finish().features[0]?.categories).toBe(20_001);
  });
});

test('whatever text stands in a table of CSV comes back', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll('\0', '')),
        { minLength: 1, maxLength: 8 },
      ),
      fc.constantFrom(',', ';', '\t', '|'),
      async (texts, sign) => {
        const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const content = `amount${sign}plan\n${texts.map((text) => `1${sign}${quote(text)}`).join('\n')}\n`;
        const found = await profile(content);
        const present = (text: string) => (text.trim() === '' ? null : text);
        expect(found.values[1]).toEqual(texts.map(present));
      },
    ),
    { numRuns: 60 },
  );
});

test('numbers and times as people write them', () => {
  expect(numberOf('1.234.567,89', ',')).toBe(1_234_567.89);
  expect(numberOf('1 234,5', ',')).toBe(1_234.5);
  expect(numberOf('1e-9', '.')).toBe(1e-9);
  expect(numberOf('12:30', ',')).toBeNull();
  expect(numberOf('0x10', '.')).toBeNull();
  expect(timeOf('2026-01-01T00:00:00+01:00')).toBe(at('2025-12-31T23:00:00Z'));
  expect(timeOf(1_767_225_600)).toBe(at('2026-01-01T00:00:00Z'));
  expect(timeOf('1767225600000')).toBe(at('2026-01-01T00:00:00Z'));
  for (const none of ['', '12', 'soon', '2026-13-45', null, Number.NaN])
    expect(timeOf(none)).toBeNull();
});
const at = (text: string) => Date.parse(text);
test('what PostgreSQL cannot hold is replaced in what is kept', async () => {
  const found = await profile(
    [
      { amount: 'a\u0000b', plan: 'x\u0000y' },
      { amount: 1, plan: '\ud800' },
    ]
      .map((one) => JSON.stringify(one))
      .join('\n'),
  );
  expect(found.values[1]).toEqual(['x\ufffdy', '\ufffd']);
  expect(found.features[0]?.examples).toEqual([{ line: 1, text: 'a\ufffdb' }]);
});
