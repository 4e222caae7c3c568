/** Models on a real PostgreSQL: rows are taken once, labels find their predictions in either order, falls are said. */
import { describe, expect, test } from 'vitest';
import { manualClock } from '../platform/clock.ts';
import { bearer, json, testAuthority, testHost } from '../platform/testing/host.ts';
import { testRuntime } from '../platform/testing/index.ts';
import { onModelEvent } from './events.ts';

const clock = manualClock('2026-03-10T12:00:00Z');
const { call, keys, runtime } = await testHost({ clock });
const { models, db } = runtime;
const sender = (
  await runtime.keys.create(testAuthority, { name: 'sender', role: 'viewer', scopes: ['ingest'] })
).key;
const HOUR = 3_600_000;
const ago = (ms: number) => new Date(clock.now().getTime() - ms).toISOString();

const send = async (name: string, body: object, key = sender) => {
  const answer = await (await call(`/api/trpc/${name}`, json(key, body))).json();
  return answer.error ?? answer.result.data;
};
const ask = async (name: string, input: object) => {
  const query = encodeURIComponent(JSON.stringify(input));
  const answer = await call(`/api/trpc/${name}?input=${query}`, { headers: bearer(keys.viewer) });
  const body = await answer.json();
  return body.error ?? body.result.data;
};
let count = 0;
const register = async (more: object = {}): Promise<{ id: string; name: string }> => {
  const name = `model ${++count}`;
  const made = await send(
    'models.create',
    {
      name,
      task: 'binary',
      features: [
        { name: 'amount', kind: 'numeric' },
        { name: 'plan', kind: 'categorical' },
      ],
      segments: ['plan', 'region'],
      ...more,
    },
    keys.operator,
  );
  if (!made.id) throw new Error(JSON.stringify(made));
  return { id: made.id, name };
};
const row = (id: string, more: object = {}) => ({
  id,
  at: ago(HOUR),
  features: { amount: 1, plan: 'free' },
  prediction: 1,
  score: 0.9,
  ...more,
});
const range = { from: '2026-01-01T00:00:00Z', to: '2026-04-01T00:00:00Z' };

describe('are registered', () => {
  test('changed and removed, with an audit entry each; twice the same name is refused', async () => {
    const { id, name } = await register();
    const again = await send(
      'models.create',
      { name, task: 'binary', features: [{ name: 'x', kind: 'numeric' }] },
      keys.operator,
    );
    expect(again.data.code).toBe('CONFLICT');
    await send('models.update', { id, description: 'Whether it is fraud' }, keys.operator);
    expect(await ask('models.get', { id })).toMatchObject({
      description: 'Whether it is fraud',
      positiveLabel: '1',
      labelDelaySeconds: 86_400,
    });
    await send('models.remove', { id }, keys.operator);
    expect((await ask('models.get', { id })).data.code).toBe('NOT_FOUND');
    const entries = await db.prisma.auditEntry.findMany({
      where: { targetId: id },
      orderBy: { seq: 'asc' },
      select: { action: true },
    });
    expect(entries.map(({ action }) => action)).toEqual([
      'models.create',
      'models.update',
      'models.remove',
    ]);
  });
  test.each([
    ['features', { features: [] }],
    [
      'features',
      {
        features: [
          { name: 'a', kind: 'numeric' },
          { name: 'a', kind: 'numeric' },
        ],
      },
    ],
    ['segments.0', { segments: ['amount'] }],
    ['positiveLabel', { task: 'regression', positiveLabel: '1' }],
    ['watch.minimumLabelled', { watch: { minimumLabelled: 5 } }],
  ])('%s is refused: %j', async (path, more) => {
    const body = {
      name: 'x',
      task: 'binary',
      features: [{ name: 'amount', kind: 'numeric' }],
      ...more,
    };
    const answer = await send('models.create', body, keys.operator);
    expect(answer.data.fields.map((field: { path: string }) => field.path)).toContain(path);
  });
});

describe('predictions', () => {
  test('each by itself: what is wrong is refused with the field, the value and what is accepted', async () => {
    const { name } = await register();
    const bad: [object, RegExp][] = [
      [
        { ...row('a'), features: { amount: 'ten' } },
        /features\.amount: "ten" is no number; accepted/,
      ],
      [{ ...row('b'), features: { amuont: 1 } }, /features\.amuont: .* has amount, plan/],
      [{ ...row('c'), at: 'yesterday' }, /at: "yesterday" is no ISO-8601 time/],
      [{ ...row('d'), at: '2020-01-01T00:00:00Z' }, /older than predictions are kept/],
      [{ ...row('e'), at: '2027-01-01T00:00:00Z' }, /ahead of the clock/],
      [{ ...row('f'), score: 1.5 }, /score: 1\.5 is no probability/],
      [{ ...row('g'), segment: { country: 'x' } }, /segment\.country: .* has region/],
      [{ ...row('h'), prediction: null }, /prediction: null is no class/],
      [{ ...row(''), x: 1 }, /x: no such field/],
      [{ ...row('i\u0000') }, /id: /],
    ];
    const answer = await send('models.predictions', {
      model: name,
      predictions: [...bad.map(([item]) => item), row('good', { segment: 'eu' }), 7],
    });
    expect(answer.accepted).toBe(1);
    bad.forEach(([, reason], index) => {
      expect(answer.rejected[index]).toMatchObject({ index });
      expect(answer.rejected[index].reason).toMatch(reason);
    });
    expect(answer.rejected.at(-1).index).toBe(11);
  });
  test('are taken once, also within a call, also at the same moment', async () => {
    const { id, name } = await register();
    const predictions = [row('1'), row('2'), row('1')];
    const body = { model: name, predictions };
    const answers = await Promise.all([1, 2, 3, 4].map(() => send('models.predictions', body)));
    expect(answers.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(2);
    expect(answers.reduce((sum, { repeated }) => sum + repeated, 0)).toBe(10);
    // A repetition without a time is the same prediction, whenever it comes.
    expect(
      await send('models.predictions', { model: id, predictions: [{ ...row('1'), at: null }] }),
    ).toEqual({ accepted: 0, repeated: 1, rejected: [] });
    expect((await ask('models.performance', { id, ...range })).counts.predictions).toBe(2);
  });
  test('odd values come back as they went in', async () => {
    const { id, name } = await register();
    const plan = 'a "quote", a \\ and a {brace}';
    await send('models.predictions', {
      model: name,
      predictions: [
        row('1', { features: { amount: 1e-9, plan } }),
        row('2', { features: { amount: 'Infinity', plan: 'NULL' } }),
        row('3', { features: { amount: null } }),
        row('4', { features: { amount: 'NaN', plan: '' } }),
      ],
    });
    const model = await models.find(id);
    const window = await models.reader.window(
      model?.no ?? 0,
      { from: new Date(range.from), to: new Date(range.to) },
      { features: model?.features ?? [], maxRows: 100 },
    );
    expect(window.columns).toEqual([
      { name: 'amount', kind: 'numeric', values: Float64Array.of(1e-9, Infinity, NaN, NaN) },
      { name: 'plan', kind: 'categorical', values: [plan, 'NULL', null, ''] },
    ]);
  });
  test('of more than a window may hold, a fair sample is read', async () => {
    const { id, name } = await register();
    const predictions = Array.from({ length: 8_000 }, (_, i) =>
      row(`p${i}`, { at: ago(HOUR - i * 10), features: { amount: i } }),
    );
    expect((await send('models.predictions', { model: name, predictions })).accepted).toBe(8_000);
    const model = await models.find(id);
    const window = await models.reader.window(
      model?.no ?? 0,
      { from: new Date(range.from), to: new Date(range.to) },
      { features: model?.features ?? [], maxRows: 2_000 },
    );
    expect(window.total).toBe(8_000);
    expect(Math.abs(window.times.length - 2_000)).toBeLessThan(200);
    const amounts = window.columns[0]?.values as Float64Array;
    const mean = amounts.reduce((sum, value) => sum + value, 0) / amounts.length;
    expect(Math.abs(mean - 4_000)).toBeLessThan(250);
    expect([...window.times].sort((a, b) => a - b)).toEqual([...window.times]);
  });
  test('need the scope, and an operator is not enough', async () => {
    const { name } = await register();
    const answer = await send(
      'models.predictions',
      { model: name, predictions: [] },
      keys.operator,
    );
    expect(answer.data.code).toBe('FORBIDDEN');
    const unknown = await send('models.predictions', { model: 'nobody', predictions: [] });
    expect(unknown.data.fields[0].path).toBe('model');
  });
  test('values of a feature that is gone stay apart from those of one that comes', async () => {
    const { id, name } = await register();
    await send('models.predictions', {
      model: name,
      predictions: [row('1', { features: { amount: 5 } })],
    });
    const features = (list: string[]) => list.map((each) => ({ name: each, kind: 'numeric' }));
    await send('models.update', { id, features: features(['age']), segments: [] }, keys.operator);
    await send('models.predictions', {
      model: name,
      predictions: [row('2', { features: { age: 7 } })],
    });
    await send('models.update', { id, features: features(['age', 'amount']) }, keys.operator);
    const model = await models.find(id);
    const window = await models.reader.window(
      model?.no ?? 0,
      { from: new Date(range.from), to: new Date(range.to) },
      { features: (model?.features ?? []).filter(({ gone }) => !gone), maxRows: 10 },
    );
    expect(window.columns.map(({ name: each, values }) => [each, [...values]])).toEqual([
      ['age', [Number.NaN, 7]],
      ['amount', [5, Number.NaN]],
    ]);
  });
});

describe('labels', () => {
  test('find their predictions, before and after them, and may be corrected', async () => {
    const { id, name } = await register();
    expect(
      await send('models.labels', { model: name, labels: [{ id: 'early', label: 1 }] }),
    ).toEqual({
      accepted: 1,
      waiting: 1,
      rejected: [],
    });
    await send('models.predictions', {
      model: name,
      predictions: [row('early'), row('late'), row('never')],
    });
    await send('models.labels', {
      model: name,
      labels: [
        { id: 'late', label: 0 },
        { id: 'late', label: 1 },
        { id: 'x', label: { a: 1 } },
      ],
    });
    const first = await ask('models.performance', { id, ...range });
    expect(first.counts).toEqual({ predictions: 3, labelled: 2, pending: 1, unlabelled: 0 });
    expect(first.overall.accuracy.value).toBe(1);
    await send('models.labels', { model: name, labels: [{ id: 'late', label: 0 }] });
    expect((await ask('models.performance', { id, ...range })).overall.accuracy.value).toBe(0.5);
    expect((await ask('models.get', { id })).waitingLabels).toBe(0);
  });
  test('and predictions that come at the same moment find each other', async () => {
    const { id, name } = await register();
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => [
        send('models.predictions', { model: name, predictions: [row(`${i}`)] }),
        send('models.labels', { model: name, labels: [{ id: `${i}`, label: 1 }] }),
      ]).flat(),
    );
    expect((await ask('models.performance', { id, ...range })).counts.labelled).toBe(20);
  });
});

describe('performance', () => {
  test('over time and by segment; what is not labelled is never wrong', async () => {
    const { id, name } = await register();
    const predictions = Array.from({ length: 200 }, (_, i) =>
      row(`${i}`, {
        at: ago((i < 100 ? 50 : 30) * HOUR),
        features: { amount: i, plan: i % 2 ? 'free' : 'team' },
        segment: { region: i % 4 ? 'eu' : 'us' },
        prediction: 1,
      }),
    );
    await send('models.predictions', { model: name, predictions });
    // Right for the free plan, wrong for the other; one in ten has none.
    const labels = predictions
      .filter((_, i) => i % 10 !== 0)
      .map(({ id: each, features }) => ({ id: each, label: features.plan === 'free' ? 1 : 0 }));
    await send('models.labels', { model: name, labels });
    const found = await ask('models.performance', {
      id,
      from: ago(60 * HOUR),
      to: ago(0),
      stepSeconds: 10 * 3_600,
      segment: 'plan',
    });
    expect(found.counts).toEqual({ predictions: 200, labelled: 180, pending: 0, unlabelled: 20 });
    expect(found.points).toHaveLength(6);
    expect(
      found.points.map((point: { counts: { labelled: number } }) => point.counts.labelled),
    ).toEqual([0, 90, 0, 90, 0, 0]);
    const byValue = new Map(
      found.segments.map((one: { value: string; figures: { accuracy: { value: number } } }) => [
        one.value,
        one.figures.accuracy.value,
      ]),
    );
    expect(byValue).toEqual(
      new Map([
        ['free', 1],
        ['team', 0],
      ]),
    );
    const regions = await ask('models.performance', { id, ...range, segment: 'region' });
    expect(regions.segments.map((one: { value: string }) => one.value)).toEqual(['eu', 'us']);
    const wrong = await ask('models.performance', { id, ...range, segment: 'amount' });
    expect(wrong.data.fields[0].path).toBe('segment');
  });
  test('a fall opens an incident and is an event; the next good window ends both', async () => {
    const { id, name } = await register({ labelDelaySeconds: 0 });
    const heard: string[] = [];
    const stop = onModelEvent(runtime.bus, ({ type, modelId }) => {
      if (modelId === id) heard.push(type);
    });
    let serial = 0;
    /** Answers of the last hour, that many of 1 000 right; then an hour goes by. */
    const hour = async (right: number, labelled = 1_000) => {
      const predictions = Array.from({ length: labelled }, () =>
        row(`w${serial++}`, { at: ago(HOUR / 2) }),
      );
      await send('models.predictions', { model: name, predictions });
      await send('models.labels', {
        model: name,
        labels: predictions.map(({ id: each }, i) => ({ id: each, label: i < right ? 1 : 0 })),
      });
      await models.judge.run(clock.now(), AbortSignal.timeout(10_000));
      clock.advance(HOUR);
      return (await ask('models.get', { id })).verdict;
    };
    await send('models.update', { id, watch: { windowSeconds: 3_600 } }, keys.operator);
    expect(await hour(900)).toBe('learning');
    expect(await hour(890)).toBe('steady');
    expect(await hour(700)).toBe('fallen');
    const open = async () =>
      (await ask('incidents.list', { unresolved: true })).items.filter((one: { title: string }) =>
        one.title.includes(name),
      );
    expect(await open()).toHaveLength(1);
    // Twelve labels say nothing either way.
    expect(await hour(0, 12)).toBe('fallen');
    expect(await hour(880)).toBe('steady');
    expect(await open()).toHaveLength(0);
    expect(heard).toEqual(['performance.fell', 'performance.recovered']);
    stop();
  });
  test('of numbers: errors that grow are a fall, once over two replicas', async () => {
    const { id, name } = await register({
      task: 'regression',
      segments: [],
      labelDelaySeconds: 0,
      watch: { windowSeconds: 3_600 },
    });
    const other = await testRuntime({ databaseUrl: runtime.databaseUrl, clock });
    const heard: string[] = [];
    const stops = [runtime, other].map(({ bus }) =>
      onModelEvent(bus, ({ type, modelId }) => {
        if (modelId === id) heard.push(type);
      }),
    );
    let serial = 0;
    const hour = async (scale: number, rows = 400) => {
      const predictions = Array.from({ length: rows }, (_, i) => {
        const { score, ...plain } = row(`n${serial++}`, { at: ago(HOUR / 2), prediction: 100 });
        return { plain, label: 100 + scale * (((i * 7_919) % 199) / 100 - 1) };
      });
      await send('models.predictions', {
        model: name,
        predictions: predictions.map(({ plain }) => plain),
      });
      await send('models.labels', {
        model: name,
        labels: predictions.map(({ plain, label }) => ({ id: plain.id, label })),
      });
      const signal = AbortSignal.timeout(20_000);
      await Promise.all([models, other.models].map(({ judge }) => judge.run(clock.now(), signal)));
      clock.advance(HOUR);
      const { verdict, verdictDetail } = await ask('models.get', { id });
      return `${verdict}: ${verdictDetail}`;
    };
    await hour(10);
    expect(await hour(10.5)).toMatch(/^steady: .*no rise that matters\.$/);
    expect(await hour(20)).toMatch(
      /^fallen: The mean absolute error was \d+\.\d+ over 400 labelled predictions, 5\.\d+ over 800 in the reference period: a rise of \d\d % that chance/,
    );
    expect(await hour(9)).toMatch(/^steady: /);
    expect(heard).toEqual(['performance.fell', 'performance.recovered']);
    for (const stop of stops) stop();
  });
  test('of numbers', async () => {
    const { id, name } = await register({ task: 'regression', segments: [] });
    const { score, ...plain } = row('1', { prediction: 10 });
    const refused = await send('models.predictions', {
      model: name,
      predictions: [{ ...plain, prediction: 'ten' }, row('2', { prediction: 1 })],
    });
    expect(refused.rejected).toHaveLength(2);
    await send('models.predictions', { model: name, predictions: [plain] });
    await send('models.labels', { model: name, labels: [{ id: '1', label: 12 }] });
    const { overall } = await ask('models.performance', { id, ...range });
    expect(overall).toMatchObject({ kind: 'regression', rmse: 2, bias: { value: -2 } });
  });
});

test('what is older than a model keeps goes, and all of a model that is gone', async () => {
  const { id, name } = await register({ retentionDays: 2 });
  const gone = await register();
  const predictions = [row('old', { at: ago(40 * HOUR) }), row('new')];
  await send('models.predictions', { model: name, predictions });
  await send('models.predictions', { model: gone.name, predictions });
  await send('models.remove', { id: gone.id }, keys.operator);
  clock.advance(24 * HOUR);
  await models.prune(clock.now());
  const left = await db.pool.query(
    'SELECT p.id FROM model_predictions p JOIN models m ON m.no = p.model_no WHERE m.id = $1',
    [id],
  );
  expect(left.rows).toEqual([{ id: 'new' }]);
  const orphans = await db.pool.query(
    'SELECT count(*)::int AS count FROM model_prediction_keys WHERE model_no NOT IN (SELECT no FROM models)',
  );
  expect(orphans.rows[0]).toEqual({ count: 0 });
});
