/** References and monitors on a real PostgreSQL, over real HTTP: files in parts, windows once, turns that people hear of. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { onModelEvent } from '../models/index.ts';
import { manualClock } from '../platform/clock.ts';
import { bearer, json, testAuthority, testHost } from '../platform/testing/host.ts';
import { testRuntime } from '../platform/testing/index.ts';
import type { MonitorItem, UploadItem } from './contract.ts';
import { PART_BYTES } from './watch/contract.ts';

const clock = manualClock('2024-01-02T00:00:00Z');
const { call, keys, runtime, session, url } = await testHost({
  clock,
  env: { WHEELHOUSE_UPLOAD_MAX_BYTES: '20000000' },
});
const { drift, db } = runtime;
const sender = (
  await runtime.keys.create(testAuthority, { name: 'sender', role: 'viewer', scopes: ['ingest'] })
).key;
const DAY = 86_400_000;
const spool = path.join(runtime.config.dataDir, 'uploads');

const send = async (name: string, body: object, key = keys.operator) => {
  const answer = await (await call(`/api/trpc/${name}`, json(key, body))).json();
  return answer.error ?? answer.result.data;
};
const ask = async (name: string, input: object, key = keys.viewer) => {
  const query = encodeURIComponent(JSON.stringify(input));
  const body = await (
    await call(`/api/trpc/${name}?input=${query}`, { headers: bearer(key) })
  ).json();
  return body.error ?? body.result.data;
};
let count = 0;
const register = async (features?: object[]): Promise<{ id: string; name: string }> => {
  const name = `model ${++count}`;
  const made = await send('models.create', {
    name,
    task: 'binary',
    features: features ?? [
      { name: 'amount', kind: 'numeric' },
      { name: 'plan', kind: 'categorical' },
    ],
    retentionDays: 730,
  });
  return { id: made.id, name };
};
const begin = async (modelId: string, content: string | Buffer): Promise<string> => {
  const sizeBytes = Buffer.byteLength(content);
  const made = await send('drift.uploads.create', { modelId, fileName: 'table.csv', sizeBytes });
  if (!made.id) throw new Error(JSON.stringify(made));
  return made.id;
};
const part = (
  id: string,
  offset: number,
  body: string | Buffer,
  headers: Record<string, string> = bearer(keys.operator),
) =>
  call(`/api/drift/uploads/${id}?offset=${offset}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', ...headers },
    body: new Uint8Array(Buffer.from(body)),
  });
const uploaded = async (modelId: string, content: string | Buffer): Promise<string> => {
  const id = await begin(modelId, content);
  expect((await part(id, 0, content)).status).toBe(200);
  return id;
};
/** Confirms and waits until it is profiled. */
const confirmed = async (id: string, more: object): Promise<UploadItem> => {
  const answer = await send('drift.uploads.confirm', { id, ...more });
  if (answer?.data?.code) throw new Error(JSON.stringify(answer));
  await drift.uploads.idle();
  return ask('drift.uploads.get', { id });
};
const table = (rows: number, shift = 0, header = 'amount,plan') =>
  `${header}\n${Array.from({ length: rows }, (_, i) => `${((i * 7919) % 997) / 10 + shift},${['free', 'team'][i % 2]}`).join('\n')}\n`;
const reference = async (modelId: string, rows = 2_000) => {
  const { referenceId } = await confirmed(await uploaded(modelId, table(rows)), {
    name: `reference ${++count}`,
  });
  if (!referenceId) throw new Error('no reference');
  return referenceId;
};
let serial = 0;
const predict = async (model: string, rows: number, shift: number, from: number, over: number) => {
  const predictions = Array.from({ length: rows }, (_, i) => ({
    id: `p${serial++}`,
    at: new Date(from + Math.floor((i * over) / rows)).toISOString(),
    features: { amount: ((i * 7919) % 997) / 10 + shift, plan: ['free', 'team'][i % 2] },
    prediction: 1,
  }));
  const answer = await send('models.predictions', { model, predictions }, sender);
  expect(answer).toMatchObject({ accepted: rows, rejected: [] });
};
const monitor = async (
  modelId: string,
  referenceId: string,
  more: object = {},
): Promise<string> => {
  const made = await send('drift.monitors.create', {
    name: `monitor ${++count}`,
    modelId,
    referenceId,
    window: { kind: 'time', size: 3_600, step: 3_600 },
    graceSeconds: 0,
    ...more,
  });
  if (!made.id) throw new Error(JSON.stringify(made));
  return made.id;
};
const tick = () => drift.monitors.tick(clock.now(), AbortSignal.timeout(60_000));
const get = (id: string): Promise<MonitorItem> => ask('drift.monitors.get', { id });
const fields = (answer: { data: { fields?: { path: string }[] } }) =>
  answer.data.fields?.map(({ path: each }) => each);

describe('a file', () => {
  test('comes in parts, is looked at, confirmed, profiled, and gone', async () => {
    const model = await register();
    const content = `\ufeff${table(2_000, 0, 'Amount;Plan').replaceAll(',', ';').replaceAll('.', ',').replace('1,1;', 'oops;')}`;
    const id = await begin(model.id, content);
    const bytes = Buffer.from(content);
    expect((await part(id, 5, 'x')).status).toBe(409);
    expect(await (await part(id, 0, bytes.subarray(0, 1_000))).json()).toEqual({
      receivedBytes: 1_000,
      complete: false,
    });
    const early = await ask('drift.uploads.preview', { id }, keys.operator);
    expect(early.message).toMatch(/not arrived whole/);
    expect(await (await part(id, 1_000, bytes.subarray(1_000))).json()).toMatchObject({
      complete: true,
    });
    const preview = await ask('drift.uploads.preview', { id }, keys.operator);
    expect(preview).toMatchObject({
      ok: true,
      bom: true,
      delimiter: ';',
      decimal: ',',
      header: true,
      rows: 2_000,
      absent: [],
    });
    expect(preview.columns.map((one: { feature: string }) => one.feature)).toEqual([
      'amount',
      'plan',
    ]);
    const done = await confirmed(id, { name: 'january' });
    expect(done).toMatchObject({ state: 'done', progress: 1, rows: 2_000 });
    expect(done.detail).toMatch(
      /1 value of amount is no number and counts as missing \(“9oops” in line 21\)/,
    );
    expect(existsSync(path.join(spool, id))).toBe(false);
    const found = await ask('drift.references.get', { id: done.referenceId });
    expect(found).toMatchObject({ name: 'january', source: 'upload', rows: 2_000, sampled: 2_000 });
    expect(found.features[0]).toMatchObject({ name: 'amount', notNumeric: expect.any(Number) });
  });
  test('has its columns told; what does not fit is named', async () => {
    const model = await register();
    const id = await uploaded(model.id, table(200, 0, 'Betrag,tarif'));
    const refused = async (columns: object) => {
      const { data } = await send('drift.uploads.confirm', { id, name: 'x', columns });
      return data.fields;
    };
    expect(await refused({ amount: 'betrag' })).toEqual([
      { path: 'columns.amount', message: 'The file has no column betrag' },
    ]);
    expect(await refused({ amuont: 'Betrag' })).toEqual([
      { path: 'columns.amuont', message: 'The model has no feature amuont' },
    ]);
    expect(await refused({ amount: 'tarif', plan: 'tarif' })).toEqual([
      { path: 'columns.plan', message: 'tarif is the column of amount already' },
    ]);
    expect(await refused({})).toMatchObject([{ path: 'columns' }]);
    const done = await confirmed(id, { name: 'told', columns: { amount: 'Betrag' } });
    const found = await ask('drift.references.get', { id: done.referenceId });
    expect(found.features.map(({ name }: { name: string }) => name)).toEqual(['amount']);
  });
  test('that breaks off goes on where it was; one that is too long is refused', async () => {
    const model = await register();
    const content = table(100);
    const id = await begin(model.id, content);
    await part(id, 0, content.slice(0, 100));
    // What an interrupted part left behind is overwritten.
    writeFileSync(path.join(spool, id), `${content.slice(0, 100)}garbage of a part that broke off`);
    expect((await part(id, 100, `${content.slice(100)}more than announced`)).status).toBe(413);
    expect((await ask('drift.uploads.get', { id })).receivedBytes).toBe(100);
    expect(await (await part(id, 100, content.slice(100))).json()).toMatchObject({
      complete: true,
    });
    expect(readFileSync(path.join(spool, id), 'utf8')).toBe(content);
    await send('drift.uploads.cancel', { id });
    const big = await send('drift.uploads.create', {
      modelId: model.id,
      fileName: 'x',
      sizeBytes: 20_000_001,
    });
    expect(big.data.code).toBe('PAYLOAD_TOO_LARGE');
    expect(big.message).toMatch(/at most 20 MB .*WHEELHOUSE_UPLOAD_MAX_BYTES/);
    const wide = await begin(model.id, Buffer.alloc(PART_BYTES + 1, 'x'));
    expect((await part(wide, 0, Buffer.alloc(PART_BYTES + 1, 'x'))).status).toBe(413);
    // Two of the largest size are all that is held.
    await begin(model.id, Buffer.alloc(19_000_000));
    const third = await send('drift.uploads.create', {
      modelId: model.id,
      fileName: 'x',
      sizeBytes: 19_000_000,
    });
    expect(third.message).toMatch(/take all the room/);
    for (const one of (await ask('drift.uploads.list', { modelId: model.id })).items) {
      await send('drift.uploads.cancel', { id: one.id });
    }
  });
  test('that is cancelled goes at once, also while it is profiled, and leaves no reference', async () => {
    const model = await register();
    const id = await uploaded(model.id, table(400_000));
    await send('drift.uploads.confirm', { id, name: 'never' });
    expect(await send('drift.uploads.cancel', { id })).toBeUndefined();
    await drift.uploads.idle();
    expect((await ask('drift.uploads.get', { id })).state).toBe('cancelled');
    expect(existsSync(path.join(spool, id))).toBe(false);
    expect((await ask('drift.references.list', { modelId: model.id })).items).toEqual([]);
    expect((await send('drift.uploads.cancel', { id })).data.code).toBe('CONFLICT');
  });
  test('is confirmed by one of two operators', async () => {
    const model = await register();
    const id = await uploaded(model.id, table(500));
    const answers = await Promise.all(
      ['a', 'b'].map((name) => send('drift.uploads.confirm', { id, name })),
    );
    expect(answers.map((answer) => answer?.data?.code ?? 'ok').sort()).toEqual(['CONFLICT', 'ok']);
    await drift.uploads.idle();
    expect((await ask('drift.references.list', { modelId: model.id })).items).toHaveLength(1);
  });
  test('whose profile a restart broke off is said to have failed; there is never half a reference', async () => {
    const model = await register();
    const id = await uploaded(model.id, table(100));
    const other = await uploaded(model.id, table(100));
    // As a process leaves them that was killed.
    await db.pool.query(`UPDATE drift_uploads SET state = 'profiling' WHERE id = $1`, [id]);
    writeFileSync(path.join(spool, 'stray'), 'x');
    await drift.uploads.start();
    expect(await ask('drift.uploads.get', { id })).toMatchObject({
      state: 'failed',
      detail: expect.stringMatching(/restarted while it profiled/),
    });
    // What waits for a person goes on waiting, for a day.
    expect(readdirSync(spool)).toEqual([other]);
    clock.advance(25 * 3_600_000);
    await drift.uploads.sweep();
    expect((await ask('drift.uploads.get', { id: other })).detail).toMatch(/Nobody confirmed/);
    expect(readdirSync(spool)).toEqual([]);
  });
  test('that nobody works at any more is said to have broken off', async () => {
    const model = await register();
    const [here, there] = [
      await uploaded(model.id, table(100)),
      await uploaded(model.id, table(100)),
    ];
    const set = `UPDATE drift_uploads SET state = 'profiling', updated_at = $2, place = coalesce($3, place) WHERE id = $1`;
    await db.pool.query(set, [here, new Date(clock.now().getTime() - 60_000), null]);
    await db.pool.query(set, [there, new Date(clock.now().getTime() - 60_000), 'a replica']);
    const states = () =>
      Promise.all([here, there].map(async (id) => (await ask('drift.uploads.get', { id })).state));
    await drift.uploads.sweep();
    // The clock of another replica may go otherwise by minutes, not by hours.
    expect(await states()).toEqual(['failed', 'profiling']);
    clock.advance(2 * 3_600_000);
    await drift.uploads.sweep();
    expect(await states()).toEqual(['failed', 'failed']);
  });
  test('whose name is taken while it is profiled says so', async () => {
    const model = await register();
    const ids = [await uploaded(model.id, table(300)), await uploaded(model.id, table(300))];
    // Neither is stored before both were confirmed.
    const other = await db.pool.connect();
    await other.query('BEGIN; LOCK TABLE drift_references IN EXCLUSIVE MODE');
    for (const id of ids) await send('drift.uploads.confirm', { id, name: 'twin' });
    await other.query('COMMIT');
    other.release();
    await drift.uploads.idle();
    const found = await Promise.all(ids.map((id) => ask('drift.uploads.get', { id })));
    expect(found.map(({ state, detail }) => [state, detail])).toEqual([
      ['done', null],
      ['failed', 'The model has a reference named twin already.'],
    ]);
  });
  test.each([
    ['no table', 'PK\u0003\u0004', /Excel/],
    ['a header alone', 'amount,plan\n', /no rows/],
  ])('%s: the preview says why', async (_name, content, fault) => {
    const model = await register();
    const id = await uploaded(model.id, content);
    expect(await ask('drift.uploads.preview', { id }, keys.operator)).toMatchObject({
      ok: false,
      fault: expect.stringMatching(fault),
    });
    expect((await send('drift.uploads.confirm', { id, name: 'x' })).data.code).toBe('BAD_REQUEST');
    await send('drift.uploads.cancel', { id });
  });
  test('is taken from operators, and from the console’s own pages alone', async () => {
    const model = await register();
    const id = await begin(model.id, table(10));
    expect((await part(id, 0, 'x', {})).status).toBe(403);
    expect((await part(id, 0, 'x', bearer('nonsense'))).status).toBe(401);
    expect((await part(id, 0, 'x', bearer(keys.viewer))).status).toBe(403);
    const { cookie } = await session();
    expect((await part(id, 0, 'x', { cookie, origin: 'https://evil.example' })).status).toBe(403);
    expect((await part(id, 0, 'a', { cookie, origin: url })).status).toBe(200);
    await send('drift.uploads.cancel', { id });
    const refused = await send(
      'drift.uploads.create',
      { modelId: model.id, fileName: 'x', sizeBytes: 1 },
      keys.viewer,
    );
    expect(refused.data.code).toBe('FORBIDDEN');
  });
});

describe('a reference', () => {
  test('from rows that are given, and from a range of predictions', async () => {
    const model = await register();
    const now = clock.now().getTime();
    await predict(model.name, 300, 0, now - DAY, DAY / 2);
    const range = { from: new Date(now - DAY).toISOString(), to: new Date(now).toISOString() };
    const { id } = await send('drift.references.create', {
      modelId: model.id,
      name: 'range',
      range,
    });
    expect(await ask('drift.references.get', { id })).toMatchObject({
      source: 'range',
      rows: 300,
      from: range.from,
    });
    const rows = [
      { amount: 1, plan: 'free', when: '2023-01-02' },
      { amount: 'x', plan: null, when: '2023-01-01' },
    ];
    const given = await send('drift.references.create', {
      modelId: model.id,
      name: 'rows',
      rows,
      timeColumn: 'when',
    });
    const found = await ask('drift.references.get', { id: given.id });
    expect(found).toMatchObject({ rows: 2, from: '2023-01-01T00:00:00.000Z' });
    expect(found.features[0]).toMatchObject({ notNumeric: 1, missing: 1 });
    const again = await send('drift.references.create', { modelId: model.id, name: 'rows', rows });
    expect(again.data.code).toBe('CONFLICT');
    const empty = await send('drift.references.create', {
      modelId: model.id,
      name: 'none',
      range: { from: '2010-01-01T00:00:00Z', to: '2010-01-02T00:00:00Z' },
    });
    expect(fields(empty)).toEqual(['range']);
    const load = await drift.references.load(given.id, ['amount', 'plan']);
    expect(load?.columns.map(({ name, values }) => [name, [...values]]).sort()).toEqual([
      ['amount', [Number.NaN, 1]],
      ['plan', [null, 'free']],
    ]);
  });
});

/** Changes the monitor in a transaction that others have come to wait for. */
const changedMeanwhile = async (
  id: string,
  change: string,
  others: (() => Promise<unknown>)[],
): Promise<unknown[]> => {
  const client = await db.pool.connect();
  const begun: Promise<unknown>[] = [];
  try {
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM drift_monitors WHERE id = $1 FOR UPDATE', [id]);
    for (const other of others) {
      begun.push(other());
      await vi.waitFor(
        async () => {
          const { rows } = await db.pool.query(
            `SELECT count(*)::int AS count FROM pg_stat_activity
             WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0`,
          );
          expect(rows[0].count).toBe(begun.length);
        },
        { timeout: 20_000, interval: 10 },
      );
    }
    await client.query(change, [id]);
    await client.query('COMMIT');
  } finally {
    client.release();
  }
  return Promise.all(begun);
};
const openOf = async (model: { name: string }) =>
  (await ask('incidents.list', { unresolved: true, limit: 200 })).items.filter(
    (one: { title: string }) => one.title.includes(`${model.name} have drifted`),
  );

describe('a monitor', () => {
  test('that is changed while its window is looked at keeps its new window, and nothing of the old is stored', async () => {
    const model = await register();
    const id = await monitor(model.id, await reference(model.id));
    await predict(model.name, 300, 60, clock.now().getTime() - 1_000, 900);
    const change = `UPDATE drift_monitors SET alpha = 0.01 WHERE id = $1`;
    const [refused] = await changedMeanwhile(id, change, [
      () => send('drift.monitors.run', { id }),
    ]);
    expect(refused).toMatchObject({
      message: 'The monitor was changed meanwhile; run it again.',
    });
    clock.advance(2 * 3_600_000);
    const later = new Date(clock.now().getTime() + 30 * DAY);
    await changedMeanwhile(
      id,
      `UPDATE drift_monitors SET window_size = 86400, window_step = 86400,
         last_end = '${clock.now().toISOString()}', next_at = '${later.toISOString()}' WHERE id = $1`,
      [tick],
    );
    expect(await get(id)).toMatchObject({
      state: 'new',
      lastRunAt: null,
      nextAt: later.toISOString(),
    });
    expect((await ask('drift.runs', { monitorId: id })).items).toEqual([]);
    await send('drift.monitors.pause', { id, paused: true });
  });
  test('that turns while its model is removed leaves no incident behind', async () => {
    const model = await register();
    const id = await monitor(model.id, await reference(model.id));
    await predict(model.name, 300, 60, clock.now().getTime() - 1_000, 900);
    const [run, removed] = await changedMeanwhile(id, 'SELECT $1::uuid', [
      () => send('drift.monitors.run', { id }),
      () => send('models.remove', { id: model.id }),
    ]);
    expect(run).toMatchObject({ verdict: 'drifted' });
    expect(removed).toBeUndefined();
    expect(await openOf(model)).toEqual([]);
  });
  test.each([
    ['itself', (id: string) => ({ procedure: 'drift.monitors.remove', id })],
    [
      'with its model',
      (_id: string, modelId: string) => ({ procedure: 'models.remove', id: modelId }),
    ],
  ])(
    'is removed %s by one of two operators; the other hears that it is gone',
    async (_how, call) => {
      const model = await register();
      const monitorId = await monitor(model.id, await reference(model.id));
      const { procedure, id } = call(monitorId, model.id);
      const answers = await changedMeanwhile(
        monitorId,
        'SELECT $1::uuid',
        ['a', 'b'].map(() => () => send(procedure, { id })),
      );
      const codes = answers.map((answer) => (answer as { data?: { code: string } })?.data?.code);
      expect(codes).toEqual([undefined, 'NOT_FOUND']);
    },
  );
  test('goes on from now when a replica’s clock was ahead', async () => {
    await db.pool.query('UPDATE drift_monitors SET paused = true');
    const model = await register();
    const id = await monitor(model.id, await reference(model.id));
    const ahead = manualClock(new Date(clock.now().getTime() + 2 * DAY));
    const other = await testRuntime({ databaseUrl: runtime.databaseUrl, clock: ahead });
    await other.drift.monitors.tick(ahead.now(), AbortSignal.timeout(60_000));
    expect((await ask('drift.runs', { monitorId: id })).items.length).toBeGreaterThan(40);
    clock.advance(3_600_000);
    const hour = Math.floor(clock.now().getTime() / 3_600_000) * 3_600_000;
    await tick();
    clock.advance(3_600_000);
    await predict(model.name, 300, 0, hour, 3_600_000 - 1);
    await tick();
    const { items } = await ask('drift.runs', { monitorId: id });
    expect(items[0]).toMatchObject({ verdict: 'quiet', from: new Date(hour).toISOString() });
  });
  test('keeps its newest 2 000 runs, of 400 days', async () => {
    const model = await register();
    const id = await monitor(model.id, await reference(model.id));
    await db.pool.query(
      `INSERT INTO drift_runs (id, monitor_id, window_start, window_end, at, verdict, detail, reference_rows, current_rows, drifted, features, took_ms)
       SELECT gen_random_uuid(), $1, w, w, w, 'quiet', '', 1, 1, 0, 1, 1 FROM (
         SELECT $2::timestamptz - n * interval '1 minute' AS w FROM generate_series(1, 2005) n
         UNION SELECT $2::timestamptz - interval '401 days') given`,
      [id, clock.now()],
    );
    expect(await drift.monitors.prune(clock.now())).toBe(6);
    const { rows } = await db.pool.query(
      'SELECT count(*)::int AS count, min(window_end) AS oldest FROM drift_runs WHERE monitor_id = $1',
      [id],
    );
    expect(rows).toEqual([
      { count: 2_000, oldest: new Date(clock.now().getTime() - 2_000 * 60_000) },
    ]);
  });
  test('runs each window once over two replicas; turns, opens an incident, is heard of, and ends it', async () => {
    const other = await testRuntime({ databaseUrl: runtime.databaseUrl, clock });
    const model = await register();
    const id = await monitor(model.id, await reference(model.id), { quietAfter: 1 });
    const heard: string[] = [];
    // Without Redis each replica hears what it did itself.
    const stops = [runtime, other].map(({ bus }) =>
      onModelEvent(bus, ({ type, modelId }) => {
        if (modelId === model.id) heard.push(type);
      }),
    );
    const hour = async (rows: number, shift: number) => {
      const from = Math.floor(clock.now().getTime() / 3_600_000) * 3_600_000;
      clock.advance(from + 3_600_000 - clock.now().getTime());
      await predict(model.name, rows, shift, from, 3_600_000 - 1);
      const signal = AbortSignal.timeout(60_000);
      await Promise.all([tick(), other.drift.monitors.tick(clock.now(), signal)]);
      return (await get(id)).state;
    };
    // Begin on a whole hour.
    clock.advance(3_600_000 - (clock.now().getTime() % 3_600_000));
    await db.pool.query('UPDATE drift_monitors SET last_end = $2, next_at = $2 WHERE id = $1', [
      id,
      clock.now(),
    ]);
    expect(await hour(500, 0)).toBe('quiet');
    expect(await hour(20, 0)).toBe('not_testable');
    expect((await get(id)).detail).toBe('The window has 20 predictions; 100 are needed.');
    expect(await hour(500, 40)).toBe('drifting');
    expect(await hour(500, 45)).toBe('drifting');
    const incidents = async (input: object) =>
      (await ask('incidents.list', input)).items.filter((one: { title: string }) =>
        one.title.includes(model.name),
      );
    const [open, ...more] = await incidents({ unresolved: true });
    expect(more).toEqual([]);
    expect(open.title).toBe(`The inputs of ${model.name} have drifted`);
    expect(open.timeline[0].detail).toMatch(/1 of 2 features drifted: amount\. Values are higher/);
    expect(await hour(500, 0)).toBe('quiet');
    expect(await incidents({ unresolved: true })).toEqual([]);
    const { items } = await ask('drift.runs', { monitorId: id });
    expect(items.map((one: { verdict: string }) => one.verdict)).toEqual([
      'quiet',
      'drifted',
      'drifted',
      'not_testable',
      'quiet',
    ]);
    expect(heard).toEqual(['drift.found', 'drift.ended']);
    for (const stop of stops) stop();
    const drifted = await ask('drift.run', { id: items[1].id });
    const amount = drifted.results.find((one: { name: string }) => one.name === 'amount');
    expect(amount).toMatchObject({
      drifted: true,
      ks: { statistic: expect.any(Number) },
      overlay: { kind: 'numeric' },
    });
    const map = await ask('drift.heatmap', {
      monitorId: id,
      from: new Date(clock.now().getTime() - DAY).toISOString(),
      to: clock.now().toISOString(),
    });
    expect(map.features).toEqual(['amount', 'plan']);
    expect(
      map.cells.map((cells: ({ drifted: boolean } | null)[]) => cells[0]?.drifted ?? null),
    ).toEqual([false, null, true, true, false]);
    expect((await get(id)).strip.map(({ verdict }) => verdict)).toEqual([
      'quiet',
      'not_testable',
      'drifted',
      'drifted',
      'quiet',
    ]);
  });
  test('waits for late predictions as long as it is told', async () => {
    const model = await register();
    const id = await monitor(model.id, await reference(model.id), { graceSeconds: 1_800 });
    clock.advance(2 * 3_600_000 - (clock.now().getTime() % 3_600_000));
    await db.pool.query('UPDATE drift_monitors SET last_end = $2, next_at = $3 WHERE id = $1', [
      id,
      new Date(clock.now().getTime() - 3_600_000),
      clock.now(),
    ]);
    await tick();
    expect((await get(id)).lastRunAt).toBeNull();
    await predict(model.name, 200, 0, clock.now().getTime() - 3_600_000, 3_600_000 - 1);
    clock.advance(1_800_000);
    await tick();
    expect((await get(id)).state).toBe('quiet');
  });
  test('by rows: a window each so many predictions', async () => {
    const model = await register();
    const id = await monitor(model.id, await reference(model.id), {
      window: { kind: 'rows', size: 200, step: 100 },
    });
    const from = clock.now().getTime();
    clock.advance(10_000);
    await predict(model.name, 350, 0, from, 9_000);
    await tick();
    const { items } = await ask('drift.runs', { monitorId: id });
    expect(items.map((one: { currentRows: number }) => one.currentRows)).toEqual([200, 200, 100]);
  });
  test('says in a sentence what it lacks: the reference, a feature', async () => {
    const model = await register();
    const referenceId = await reference(model.id);
    const id = await monitor(model.id, referenceId, { features: ['plan'] });
    await predict(model.name, 200, 0, clock.now().getTime() - 1_000, 900);
    expect((await send('drift.monitors.run', { id })).verdict).toBe('quiet');
    await send('models.update', { id: model.id, features: [{ name: 'amount', kind: 'numeric' }] });
    clock.advance(1_000);
    expect(await send('drift.monitors.run', { id })).toMatchObject({
      verdict: 'failed',
      detail: 'The model has no feature plan any more; choose the features anew.',
    });
    await send('drift.monitors.update', { id, features: [] });
    clock.advance(1_000);
    expect((await send('drift.monitors.run', { id })).verdict).toBe('quiet');
    await send('drift.references.remove', { id: referenceId });
    clock.advance(1_000);
    expect((await send('drift.monitors.run', { id })).detail).toBe(
      'The reference was removed; choose another.',
    );
    expect((await get(id)).state).toBe('failing');
  });
  test('that is muted turns without an incident; a paused one does not run; all of it is audited', async () => {
    const model = await register();
    const mutedUntil = new Date(clock.now().getTime() + DAY).toISOString();
    const id = await monitor(model.id, await reference(model.id), { mutedUntil });
    await predict(model.name, 300, 60, clock.now().getTime() - 1_000, 900);
    expect((await send('drift.monitors.run', { id })).verdict).toBe('drifted');
    expect((await get(id)).state).toBe('drifting');
    const open = (await ask('incidents.list', { unresolved: true })).items;
    expect(open.filter((one: { title: string }) => one.title.includes(model.name))).toEqual([]);
    await send('drift.monitors.pause', { id, paused: true });
    clock.advance(2 * 3_600_000);
    await tick();
    expect((await ask('drift.runs', { monitorId: id })).items).toHaveLength(1);
    await send('drift.monitors.remove', { id });
    const entries = await db.prisma.auditEntry.findMany({
      where: { targetId: id },
      orderBy: { seq: 'asc' },
      select: { action: true },
    });
    expect(entries.map(({ action }) => action.replace('drift.monitors.', ''))).toEqual([
      'create',
      'run',
      'pause',
      'remove',
    ]);
  });
  test('goes with its model, and so does its incident', async () => {
    const model = await register();
    const id = await monitor(model.id, await reference(model.id));
    await predict(model.name, 300, 60, clock.now().getTime() - 1_000, 900);
    expect((await send('drift.monitors.run', { id })).verdict).toBe('drifted');
    expect(await openOf(model)).toHaveLength(1);
    await send('models.remove', { id: model.id });
    expect(await openOf(model)).toEqual([]);
    expect((await ask('drift.monitors.get', { id })).data.code).toBe('NOT_FOUND');
  });
  test.each([
    ['referenceId', { referenceId: '01a1fc6f-0000-7000-8000-000000000000' }],
    ['features.0', { features: ['nothing'] }],
    ['season', { season: 'year' }],
    ['window.step', { window: { kind: 'time', size: 60, step: 3_600 } }],
    ['startAt', { startAt: '2000-01-01T00:00:00Z' }],
  ])('%s is refused: %j', async (wrong, more) => {
    const model = await register();
    const referenceId = await reference(model.id, 100);
    const answer = await send('drift.monitors.create', {
      name: 'x',
      modelId: model.id,
      referenceId,
      window: { kind: 'time', size: 3_600, step: 3_600 },
      ...more,
    });
    expect(fields(answer)).toContain(wrong);
  });
});

test('weather, told of the year: quiet in ordinary years, and raised when degrees change their unit', async () => {
  const content = readFileSync(new URL('./testdata/weather.csv', import.meta.url), 'utf8');
  const [, ...lines] = content.trim().split('\n');
  const days = lines.map((line) => line.split(','));
  const split = days.findIndex(([day]) => day === '2022-01-01');
  const names = ['temperature', 'pressure', 'wind'];
  const model = await register(names.map((name) => ({ name, kind: 'numeric' })));
  const past = `day,${names.join(',')}\n${lines.slice(0, split).join('\n')}\n`;
  const { referenceId } = await confirmed(await uploaded(model.id, past), {
    name: 'eight years',
    timeColumn: 'day',
  });
  // The clock of the other tests went on by some days; two years are kept.
  const shown = days
    .slice(split)
    .filter(([day]) => Date.parse(day ?? '') > clock.now().getTime() - 720 * DAY);
  const from = Date.parse(shown[0]?.[0] ?? '');
  const rows = (change: (value: number, day: number) => number) =>
    shown.map(([day, ...cells], i) => ({
      id: `${day}`,
      at: `${day}T12:00:00Z`,
      features: Object.fromEntries(
        names.map((name, place) => [
          name,
          place === 0 ? change(Number(cells[0]), i) : Number(cells[place]),
        ]),
      ),
      prediction: 1,
    }));
  const watch = async (
    target: { id: string; name: string },
    reference: string | null,
    change: (value: number, day: number) => number,
  ) => {
    await send('models.predictions', { model: target.name, predictions: rows(change) }, sender);
    const id = await monitor(target.id, reference ?? '', {
      window: { kind: 'time', size: 60 * 86_400, step: 60 * 86_400 },
      minimumRows: 30,
      season: 'year',
      startAt: new Date(from).toISOString(),
    });
    await tick();
    const { items } = await ask('drift.runs', { monitorId: id });
    return items.map((one: { verdict: string }) => one.verdict).reverse();
  };
  const ordinary = await watch(model, referenceId, (value) => value);
  expect(ordinary.length).toBeGreaterThanOrEqual(10);
  expect(ordinary.filter((verdict: string) => verdict !== 'quiet').length).toBeLessThanOrEqual(1);

  const changed = await register(names.map((name) => ({ name, kind: 'numeric' })));
  const again = await confirmed(await uploaded(changed.id, past), {
    name: 'eight years',
    timeColumn: 'day',
  });
  const late = shown.length - 130;
  const found = await watch(changed, again.referenceId, (value, day) =>
    day < late ? value : (value - 32) / 1.8,
  );
  expect(found.at(-1)).toBe('drifted');
  await vi.waitFor(async () => {
    const open = (await ask('incidents.list', { unresolved: true, limit: 200 })).items;
    expect(open.some((one: { title: string }) => one.title.includes(changed.name))).toBe(true);
  });
}, 60_000);
