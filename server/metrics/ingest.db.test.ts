/** What is sent over HTTP, well formed and not: nothing acknowledged is lost, nothing bad gets in, nothing falls over. */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { compressSync } from 'snappy';
import { describe, expect, test, vi } from 'vitest';
import { encodeWriteRequest, writeHeaders } from '../../e2e/support/remote-write.ts';
import { bearer, json, testAuthority, testHost } from '../platform/testing/host.ts';
import { testDatabase } from '../platform/testing/index.ts';
import { proxied } from '../platform/testing/tcp-proxy.ts';

const direct = await testDatabase();
const { url: databaseUrl, proxy } = await proxied(direct);
const { call, keys, runtime } = await testHost({
  databaseUrl,
  env: { WHEELHOUSE_METRIC_SERIES_MAX: '500' },
});
const { key } = await runtime.keys.create(testAuthority, {
  name: 'writer',
  role: 'viewer',
  scopes: ['ingest'],
});
const ingest = (samples: unknown) => call('/api/trpc/metrics.ingest', json(key, { samples }));
const taken = async (samples: unknown) => (await (await ingest(samples)).json()).result.data;
const query = async (input: object) => {
  const answer = await call(
    `/api/trpc/metrics.query?input=${encodeURIComponent(JSON.stringify(input))}`,
    {
      headers: bearer(keys.viewer),
    },
  );
  return { status: answer.status, body: await answer.json() };
};
const values = async (metric: string, aggregations: string[], more: object = {}) =>
  (await query({ metric, timeRange: '24h', aggregations, ...more })).body.result.data.series[0]
    ?.points[0]?.values ?? null;
const remote = (body: Uint8Array, headers: Record<string, string> = {}) =>
  call('/api/v1/write', {
    method: 'POST',
    headers: { ...writeHeaders(key), ...headers },
    body: new Uint8Array(body),
  });
const writeOf = (
  name: string,
  samples: { at: number; value: number }[],
  labels: Record<string, string> = {},
) => compressSync(encodeWriteRequest([{ labels: { __name__: name, ...labels }, samples }]));
const HOUR = 3_600_000;

describe('metrics.ingest', () => {
  test('each bad sample is refused with its field, its value and what is accepted; the others are kept', async () => {
    const at = (ms: number) => new Date(Date.now() + ms).toISOString();
    const answer = await taken([
      { metric: 'good', value: 1 },
      { metric: 'good', value: 'three' },
      { metric: 'good', value: null },
      { metric: 'no name', value: 1 },
      { metric: 'good', value: 1, at: at(-2 * 365 * 24 * HOUR) },
      { metric: 'good', value: 1, at: at(HOUR) },
      { metric: 'good', value: 1, at: 'yesterday' },
      { metric: 'good', value: 1, labels: { 'bad name': 'x' } },
      { metric: 'good', value: 1, labels: { big: 'x'.repeat(1024 * 1024) } },
      { metric: 'good', value: 1, labels: { n: 7 } },
      { metric: 'good', value: 1, labels: { nul: 'a\u0000b' } },
      { metric: 'good', value: 1, colour: 'red' },
      7,
      { metric: 'good', value: 2, at: at(-30 * 60_000), labels: { '<script>': 'x' } },
      {
        metric: 'good',
        value: 2,
        at: at(-30 * 60_000),
        labels: { html: '<script>alert(1)</script>' },
      },
    ]);
    expect(answer.accepted).toBe(2);
    const reasons: Record<number, string> = Object.fromEntries(
      answer.rejected.map(({ index, reason }: { index: number; reason: string }) => [
        index,
        reason,
      ]),
    );
    expect(reasons).toMatchObject({
      1: expect.stringContaining('"three" is no finite number'),
      2: expect.stringContaining('value'),
      3: expect.stringContaining('"no name" is no metric name'),
      4: expect.stringMatching(/at: .* is 730 days old; samples are kept 7 days/),
      5: expect.stringContaining('in the future'),
      6: expect.stringContaining('"yesterday" is no ISO-8601 time'),
      7: expect.stringContaining('"bad name" is no label name'),
      8: expect.stringContaining('labels.big: 1048576 characters; at most 2048'),
      9: expect.stringContaining('labels.n: must be a text'),
      10: expect.stringContaining('control characters'),
      11: expect.stringContaining('colour: no such field'),
      12: expect.stringContaining('a sample is an object'),
    });
    expect(await values('good', ['count', 'sum'])).toEqual({ count: 2, sum: 3 });
  });

  test('times to the microsecond, labels in any order, the last of equal times', async () => {
    const base = new Date(Date.now() - 60_000).toISOString().slice(0, 19);
    await taken([
      { metric: 'micro', value: 1, at: `${base}.000001Z`, labels: { a: '1', b: '2' } },
      { metric: 'micro', value: 2, at: `${base}.000002Z`, labels: { b: '2', a: '1' } },
      { metric: 'micro', value: 5, at: `${base}.000001Z`, labels: { a: '1', b: '2', empty: '' } },
    ]);
    expect(await values('micro', ['count', 'sum'])).toEqual({ count: 2, sum: 7 });
    const listed = await call(
      `/api/trpc/metrics.samples?input=${encodeURIComponent(JSON.stringify({ metric: 'micro', timeRange: '1h', limit: 1 }))}`,
      { headers: bearer(keys.viewer) },
    );
    const { items, nextCursor } = (await listed.json()).result.data;
    expect(items).toMatchObject([{ value: 5, labels: { a: '1', b: '2' } }]);
    expect(nextCursor).not.toBeNull();
  });

  test('too many series of one metric are refused, those that are known go on', async () => {
    const samples = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => ({
        metric: 'wide',
        value: 1,
        labels: { user: String(from + i) },
      }));
    expect(await taken(samples(0, 500))).toEqual({ accepted: 500, rejected: [] });
    const more = await taken([...samples(500, 1_000), ...samples(0, 10)]);
    expect(more.accepted).toBe(10);
    expect(more.rejected).toHaveLength(1_000);
    expect(more.rejected[0].reason).toMatch(
      /wide has 500 series within the last hour; at most 500 are accepted/,
    );
  });

  test('needs the scope, whatever the role; 10 000 samples a call', async () => {
    for (const role of ['viewer', 'admin'] as const) {
      expect(
        (await call('/api/trpc/metrics.ingest', json(keys[role], { samples: [] }))).status,
      ).toBe(403);
    }
    expect((await ingest(Array.from({ length: 10_001 }, () => 0))).status).toBe(400);
    const many = Array.from({ length: 10_000 }, (_, i) => ({
      metric: 'many',
      value: i,
      at: new Date(Date.now() - i).toISOString(),
      labels: { some: 'label with a longer value', other: String(i % 50) },
    }));
    expect(await taken(many)).toEqual({ accepted: 10_000, rejected: [] });
  });
});

describe('remote write', () => {
  test('takes what it is sent; a staleness marker is no sample, NaN is one that no figure counts', async () => {
    const now = Date.now();
    const stale = Buffer.from([2, 0, 0, 0, 0, 0, 0xf0, 0x7f]).readDoubleLE();
    const answer = await remote(
      writeOf('rw', [
        { at: now - 3_000, value: 1 },
        { at: now - 2_000, value: Number.NaN },
        { at: now - 1_000, value: stale },
        { at: now - 500, value: 3 },
      ]),
    );
    expect(answer.status).toBe(204);
    expect(await values('rw', ['count', 'sum', 'max'])).toEqual({ count: 2, sum: 4, max: 3 });
  });

  test('a counter that falls was reset: nothing negative, nothing invented', async () => {
    const now = Math.floor(Date.now() / 1_000) * 1_000;
    const steps = [100, 110, 130, 5, 25];
    await remote(
      writeOf(
        'resets_total',
        steps.map((value, i) => ({ at: now - (5 - i) * 1_000, value })),
      ),
    );
    expect(await values('resets_total', ['increase'])).toEqual({ increase: 10 + 20 + 5 + 20 });
  });

  test('partly refused: 400 with the reasons, the rest is kept', async () => {
    const now = Date.now();
    const body = compressSync(
      encodeWriteRequest([
        { labels: { __name__: 'partly' }, samples: [{ at: now, value: 1 }] },
        {
          labels: { __name__: 'partly', old: '1' },
          samples: [{ at: now - 700 * 24 * HOUR, value: 1 }],
        },
        {
          labels: { __name__: 'partly', big: 'x'.repeat(1024 * 1024) },
          samples: [{ at: now, value: 1 }],
        },
      ]),
    );
    const answer = await remote(body);
    expect(answer.status).toBe(400);
    const { detail } = await answer.json();
    expect(detail).toMatch(/^2 samples were refused, the others are kept/);
    expect(detail).toContain('700 days old');
    expect(await values('partly', ['count'])).toEqual({ count: 1 });
  });

  test('wrong type, wrong compression, no scope, too large: a proper answer each', async () => {
    const body = writeOf('x', [{ at: Date.now(), value: 1 }]);
    expect((await remote(body, { 'content-type': 'application/json' })).status).toBe(415);
    expect((await remote(gzipSync('x'), { 'content-encoding': 'gzip' })).status).toBe(415);
    expect(
      (
        await remote(body, {
          'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
        })
      ).status,
    ).toBe(415);
    expect((await remote(body, bearer(keys.admin))).status).toBe(403);
    expect((await remote(body, bearer('nonsense'))).status).toBe(401);
    expect((await remote(body.subarray(0, body.length - 3))).status).toBe(400);
    expect((await remote(Buffer.alloc(0))).status).toBe(400);
    // Says that it holds 2 GiB.
    expect((await remote(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x07, 0, 1]))).status).toBe(413);
    expect((await remote(Buffer.alloc(17 * 1024 * 1024))).status).toBe(413);
  });

  test('no bytes are an error of the server', { timeout: 60_000 }, async () => {
    const good = encodeWriteRequest([
      {
        labels: { __name__: 'fuzz', a: 'b' },
        samples: [
          { at: Date.now(), value: 1 },
          { at: Date.now() - 5, value: 2 },
        ],
      },
    ]);
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 })).map(([place, byte]) => {
            const bytes = Buffer.from(good);
            bytes[place] = byte;
            return new Uint8Array(bytes);
          }),
          fc.nat({ max: good.length }).map((end) => new Uint8Array(good.subarray(0, end))),
        ),
        fc.boolean(),
        async (bytes, snappy) => {
          const answer = await remote(snappy ? compressSync(Buffer.from(bytes)) : bytes);
          expect([204, 400, 413]).toContain(answer.status);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('questions that are wrong', () => {
  test.each([
    [{ metric: 'x y', timeRange: '24h', aggregations: ['avg'] }, 'metric'],
    [{ metric: 'x', timeRange: '24 hours', aggregations: ['avg'] }, 'timeRange'],
    [
      {
        metric: 'x',
        timeRange: { from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' },
        aggregations: ['avg'],
      },
      'timeRange',
    ],
    [{ metric: 'x', timeRange: '24h', aggregations: [] }, 'aggregations'],
    [{ metric: 'x', timeRange: '24h', aggregations: ['median'] }, 'aggregations.0'],
    [{ metric: 'x', timeRange: '24h', aggregations: ['avg'], step: '0s' }, 'step'],
    [{ metric: 'x', timeRange: '52w', aggregations: ['avg'], step: '1s' }, 'step'],
    [
      {
        metric: 'x',
        timeRange: '24h',
        aggregations: ['avg'],
        filters: [{ field: 'a', op: 'like', value: 'x' }],
      },
      'filters.0.op',
    ],
    [
      {
        metric: 'x',
        timeRange: '24h',
        aggregations: ['avg'],
        filters: [{ field: 'a', op: 'gt', value: 'x' }],
      },
      'filters.0.value',
    ],
    [
      {
        metric: 'x',
        timeRange: '24h',
        aggregations: ['avg'],
        filters: [{ field: 'a', op: 'regex', value: '(' }],
      },
      'filters.0.value',
    ],
    [
      {
        metric: 'x',
        timeRange: '24h',
        aggregations: ['avg'],
        sourceId: '01a1fc6f-0000-7000-8000-000000000000',
      },
      'sourceId',
    ],
  ])('%j: the error points at %s', async (input, path) => {
    const { status, body } = await query(input);
    expect(status).toBe(400);
    expect(body.error.data.fields[0].path).toMatch(new RegExp(`^${path}`));
  });
  test('a metric that does not exist answers nothing', async () => {
    const { status, body } = await query({
      metric: 'nowhere',
      timeRange: '24h',
      aggregations: ['avg'],
    });
    expect(status).toBe(200);
    expect(body.result.data.series).toEqual([]);
  });
  test('a regular expression that would backtrack does not', async () => {
    await taken([{ metric: 'regex', value: 1, labels: { path: 'a'.repeat(2_000) } }]);
    const began = performance.now();
    expect(
      await values('regex', ['count'], {
        filters: [{ field: 'path', op: 'regex', value: '^(a+)+$' }],
      }),
    ).toEqual({ count: 1 });
    expect(
      await values('regex', ['count'], {
        filters: [{ field: 'path', op: 'regex', value: '^(a+)+b$' }],
      }),
    ).toBeNull();
    expect(performance.now() - began).toBeLessThan(2_000);
  });
  test('SQL in a filter is a text', async () => {
    expect(
      await values('good', ['count'], {
        filters: [{ field: 'html', op: 'eq', value: "' OR 1=1; DROP TABLE metric_series --" }],
      }),
    ).toBeNull();
    expect(await values('good', ['count'])).not.toBeNull();
  });
});

test('filters on labels and values', async () => {
  await taken(
    Array.from({ length: 20 }, (_, i) => ({
      metric: 'filtered',
      value: i,
      labels: { host: `web-${i % 4}`, port: String(8_000 + i), ...(i % 2 ? { odd: 'yes' } : {}) },
    })),
  );
  const count = async (...filters: object[]) =>
    (await values('filtered', ['count'], { filters }))?.count ?? 0;
  expect(await count({ field: 'host', op: 'eq', value: 'web-1' })).toBe(5);
  expect(await count({ field: 'host', op: 'ne', value: 'web-1' })).toBe(15);
  expect(await count({ field: 'host', op: 'in', value: ['web-1', 'web-2'] })).toBe(10);
  expect(await count({ field: 'host', op: 'nin', value: ['web-1', 'web-2'] })).toBe(10);
  expect(await count({ field: 'host', op: 'contains', value: 'b-3' })).toBe(5);
  expect(await count({ field: 'host', op: 'regex', value: '^web-[01]$' })).toBe(10);
  expect(await count({ field: 'odd', op: 'exists' })).toBe(10);
  expect(await count({ field: 'odd', op: 'exists', value: false })).toBe(10);
  expect(await count({ field: 'port', op: 'gte', value: 8_015 })).toBe(5);
  expect(await count({ field: 'port', op: 'lt', value: 8_001 })).toBe(1);
  expect(await count({ field: 'value', op: 'gt', value: 9 })).toBe(10);
  expect(
    await count({ field: 'value', op: 'in', value: [1, 2, 3] }, { field: 'odd', op: 'exists' }),
  ).toBe(2);
});

test('a full disk is told to the sender; when there is room again it goes on', async () => {
  // The error that PostgreSQL raises when a table cannot grow.
  await runtime.db.pool.query(`
    CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON metric_batches EXECUTE FUNCTION full_disk()`);
  const at = Date.now();
  for (const answer of [
    await remote(writeOf('disk', [{ at, value: 1 }])),
    await ingest([{ metric: 'disk', value: 1 }]),
  ]) {
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain('cannot be stored right now');
  }
  await runtime.db.pool.query('DROP TRIGGER full_disk ON metric_batches');
  expect((await remote(writeOf('disk', [{ at, value: 1 }]))).status).toBe(204);
  expect(await values('disk', ['count'])).toEqual({ count: 1 });
});

test('while PostgreSQL is away senders are told to come back; nothing acknowledged is lost', {
  timeout: 60_000,
}, async () => {
  const acknowledged: number[] = [];
  const refused = new Map<number, number>();
  let ended = false;
  const base = Date.now() - HOUR;
  const sender = (async () => {
    for (let i = 0; !ended; i++) {
      const answer = await remote(writeOf('outage', [{ at: base + i, value: i }]));
      if (answer.status === 204) acknowledged.push(i);
      else {
        refused.set(answer.status, (refused.get(answer.status) ?? 0) + 1);
        expect([401, 429, 503]).toContain(answer.status);
        if (answer.status !== 401)
          expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
        await answer.text();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  })();
  await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(20), { timeout: 10_000 });
  proxy.cut();
  await vi.waitFor(
    () => expect([...refused.values()].reduce((a, b) => a + b, 0)).toBeGreaterThan(10),
    { timeout: 20_000 },
  );
  const before = acknowledged.length;
  proxy.mend();
  await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(before + 20), {
    timeout: 20_000,
  });
  ended = true;
  await sender;
  const { body } = await query({
    metric: 'outage',
    timeRange: '2h',
    step: 0.001,
    filters: [],
    aggregations: ['count'],
  });
  // One step a millisecond is too fine for two hours; the samples themselves are asked for.
  expect(body.error.data.fields[0].path).toBe('step');
  const found = new Set<number>();
  for (let cursor: string | null = null; ; ) {
    const answer = await call(
      `/api/trpc/metrics.samples?input=${encodeURIComponent(JSON.stringify({ metric: 'outage', timeRange: '2h', limit: 200, cursor }))}`,
      { headers: bearer(keys.viewer) },
    );
    const page: { items: { value: number }[]; nextCursor: string | null } = (await answer.json())
      .result.data;
    for (const { value } of page.items) {
      expect(found.has(value)).toBe(false);
      found.add(value);
    }
    cursor = page.nextCursor;
    if (!cursor) break;
  }
  expect(acknowledged.filter((i) => !found.has(i))).toEqual([]);
});
