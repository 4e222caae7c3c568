import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { testFolder } from '../platform/testing/index.ts';
import { evaluateDrift } from './evaluate-drift.ts';
import { evaluateForecast } from './evaluate-forecast.ts';

const folder = testFolder();
const fileOf = (name: string, text: string) => {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
};
async function answers(pieces: AsyncGenerator<string>): Promise<unknown[]> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

const some = Array.from({ length: 60 }, (_, i) => ((i * 7_919) % 101) / 10);
const feature = (current: unknown[]) => ({ name: 'x', kind: 'numeric', reference: some, current });

describe('evaluate drift', () => {
  test('one document, in lines of its own', async () => {
    const document = { features: [feature(some.map((value) => value + 5))], alpha: 0.05 };
    const file = fileOf('one.json', `\uFEFF${JSON.stringify(document, null, 2)}`);
    expect(await answers(evaluateDrift(file))).toMatchObject([
      { drifted: true, features: [{ name: 'x', drifted: true, ks: { method: 'exact' } }] },
    ]);
  });
  test('a line for each line, with its id', async () => {
    const lines = [
      { id: 'a', kind: 'ignored', features: [feature(some)] },
      { id: 2, features: [feature([1, 2, 3])] },
    ];
    const file = fileOf('two.jsonl', `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
    expect(await answers(evaluateDrift(file))).toMatchObject([
      { id: 'a', drifted: false },
      { id: 2, drifted: false, features: [{ drifted: null }] },
    ]);
  });
  test.each<[string, string, RegExp]>([
    ['no JSON', '{"features": [', /no-json.*is no JSON/],
    ['NaN', '{"features": [NaN]}', /NaN and Infinity are no JSON; write null/],
    [
      'another kind',
      '{"features":[{"name":"x","kind":"ordinal","reference":[],"current":[]}]}',
      /features\[0\]\.kind/,
    ],
    [
      'an object for a value',
      JSON.stringify({ features: [feature([1, {}])] }),
      /features\[0\]\.current\[1\]: Takes numbers, texts and null, not an object/,
    ],
    ['no features', '{"features":[]}', /features: Enter at least one feature/],
  ])('%s', async (name, text, message) => {
    const file = fileOf(`${name.replace(' ', '-')}-no-json.json`, text);
    await expect(answers(evaluateDrift(file))).rejects.toThrow(message);
  });
  test('the line of a fault is named', async () => {
    const good = JSON.stringify({ features: [feature(some)] });
    const file = fileOf('fault.jsonl', `${good}\n${good}\n{"features":1}\n`);
    await expect(answers(evaluateDrift(file))).rejects.toThrow(/fault\.jsonl, line 3: features/);
    const nowhere = path.join(folder, 'nowhere.json');
    await expect(answers(evaluateDrift(nowhere))).rejects.toThrow(/nowhere\.json: ENOENT/);
  });
});

describe('evaluate forecast', () => {
  const values = Array.from({ length: 60 }, (_, i) => 10 + 3 * (i % 7) + ((i * 7_919) % 13) / 20);
  test('with times and without', async () => {
    const at = (i: number) => new Date(Date.UTC(2026, 0, 1 + i)).toISOString();
    const lines = [
      { id: 'timed', series: values.map((value, i) => ({ at: at(i), value })), horizon: 3 },
      { id: 'bare', series: values.map((value) => ({ value })), horizon: 3, seasonality: [7] },
    ];
    const file = fileOf('series.jsonl', lines.map((line) => JSON.stringify(line)).join('\n'));
    const [timed, bare] = await answers(evaluateForecast(file));
    expect(timed).toMatchObject({
      id: 'timed',
      trend: 'stable',
      seasons: [7],
      points: [{ at: at(60) }, { at: at(61) }, { at: at(62) }],
      backtest: { mase: expect.any(Number), coverage: expect.any(Number) },
    });
    expect(bare).toMatchObject({ id: 'bare', seasons: [7], points: [{}, {}, {}] });
    expect(bare).not.toHaveProperty('points.0.at');
  });
  test('days without a time, times without a zone, seconds', async () => {
    const day = (i: number) => new Date(Date.UTC(2026, 0, 1 + i)).toISOString();
    const forms = [
      (i: number) => day(i).slice(0, 10),
      (i: number) => day(i).slice(0, 19).replace('T', ' '),
      (i: number) => Date.parse(day(i)) / 1000,
      (i: number) => Date.parse(day(i)),
    ];
    const lines = forms.map((at) => ({
      series: values.map((value, i) => ({ at: at(i), value })),
      horizon: 1,
    }));
    const file = fileOf('forms.jsonl', lines.map((line) => JSON.stringify(line)).join('\n'));
    for (const answer of await answers(evaluateForecast(file)))
      expect(answer).toMatchObject({ stepMs: 86_400_000, points: [{ at: day(60) }] });
  });
  test.each<[string, object, RegExp]>([
    [
      'too short',
      { series: [{ value: 1 }], horizon: 3 },
      /The series has 1 values; at least 3 are needed/,
    ],
    ['no horizon', { series: [] }, /horizon/],
    [
      'bounds turned round',
      { series: [], horizon: 1, bounds: { min: 2, max: 1 } },
      /bounds: min must be less than max/,
    ],
    [
      'a season of one',
      { series: [], horizon: 1, seasonality: [1] },
      /seasonality\[0\]: A season has at least 2 steps/,
    ],
    [
      'no time',
      { series: [{ at: 'noon', value: 1 }], horizon: 1 },
      /series\[0\]\.at: Enter a time/,
    ],
  ])('%s', async (name, document, message) => {
    const file = fileOf(`${name}.json`, JSON.stringify(document));
    await expect(answers(evaluateForecast(file))).rejects.toThrow(message);
  });
});
