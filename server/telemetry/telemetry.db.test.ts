/** OTLP over real HTTP into a real PostgreSQL: an OpenTelemetry SDK sends, the numbers are found; and what is refused. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { bearer, json, testAuthority, testHost } from '../platform/testing/host.ts';

const { call, keys, runtime, session, url } = await testHost();
const { key } = await runtime.keys.create(testAuthority, {
  name: 'sdk',
  role: 'viewer',
  scopes: ['ingest'],
});
const JSON_TYPE = 'application/json';
const PROTO_TYPE = 'application/x-protobuf';
const post = (signal: string, body: unknown, more: Record<string, string> = {}) =>
  call(`/v1/${signal}`, {
    method: 'POST',
    headers: { ...bearer(key), 'content-type': JSON_TYPE, ...more },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  } as RequestInit);
const rpc = async (name: string, input: unknown) => {
  const answer = await call(
    `/api/trpc/${name}?input=${encodeURIComponent(JSON.stringify(input))}`,
    { headers: bearer(keys.viewer) },
  );
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error.message);
  return body.result.data;
};
/** Newest value of each series, by the labels that are asked for. */
const values = async (metric: string, service: string, groupBy: string[] = []) => {
  const { series } = await rpc('metrics.query', {
    metric,
    timeRange: '1h',
    groupBy,
    filters: [{ field: 'service', op: 'eq', value: service }],
    aggregations: ['sum'],
  });
  return Object.fromEntries(
    series.map((one: { labels: Record<string, string>; points: { values: { sum: number } }[] }) => [
      groupBy.map((name) => one.labels[name]).join(' '),
      one.points.at(-1)?.values.sum,
    ]),
  );
};
const nanos = (ms: number) => `${ms}000000`;
const gauge = (dataPoints: unknown[], name = 'test.gauge', service = 'test') => ({
  resourceMetrics: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
      scopeMetrics: [{ metrics: [{ name, gauge: { dataPoints } }] }],
    },
  ],
});
const attribute = (name: string, value: unknown) => ({ key: name, value });

describe.each(['json', 'protobuf'])('an OpenTelemetry SDK sends %s', (format) => {
  const service = `shop-${format}`;
  beforeAll(async () => {
    const sender = path.join(import.meta.dirname, '../../e2e/support/otel-sender.ts');
    await promisify(execFile)(process.execPath, [sender], {
      env: {
        NODE_ENV: 'test',
        PATH: process.env.PATH ?? '',
        URL: url,
        KEY: key,
        FORMAT: format,
        OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      },
      timeout: 30_000,
    });
  });

  test('counters and gauges', async () => {
    expect(await values('shop.orders', service, ['country', 'ok', 'instance'])).toEqual({
      'de true one': 3,
      'fr false one': 4,
    });
    expect(await values('shop.open', service)).toEqual({ '': -2 });
    expect(await values('shop.temperature', service)).toEqual({ '': 21.5 });
    const about = await rpc('metrics.describe', { metric: 'shop.temperature' });
    expect(about.series).toBeGreaterThan(0);
  });
  test('increments add up', async () => {
    const { series } = await rpc('metrics.query', {
      metric: 'shop.increments',
      timeRange: '1h',
      filters: [{ field: 'service', op: 'eq', value: service }],
      aggregations: ['increase'],
    });
    expect(series[0].points[0].values.increase).toBe(12);
  });
  test('histograms with explicit bounds', async () => {
    const buckets = await values('shop.latency_bucket', service, ['le']);
    expect(buckets).toMatchObject({ '0': 0, '5': 3, '25': 4, '10000': 4, '+Inf': 4 });
    expect(await values('shop.latency_count', service)).toEqual({ '': 4 });
    expect((await values('shop.latency_sum', service))['']).toBeCloseTo(13.403, 9);
    expect(await values('shop.latency_min', service)).toEqual({ '': 0.003 });
    expect(await values('shop.latency_max', service)).toEqual({ '': 12 });
  });
  test('exponential histograms', async () => {
    const buckets = await values('shop.exponential_bucket', service, ['le']);
    const at = Object.entries(buckets)
      .map(([le, count]) => [le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le), Number(count)])
      .sort(([a = 0], [b = 0]) => a - b);
    const upTo = (bound: number) => at.filter(([le = 0]) => le <= bound).at(-1)?.[1];
    expect([upTo(0), upTo(1.1), upTo(2), upTo(3.5), upTo(1_100)]).toEqual([1, 2, 3, 4, 5]);
    expect(upTo(Number.POSITIVE_INFINITY)).toBe(5);
    expect(await values('shop.exponential_count', service)).toEqual({ '': 5 });
  });
  test('spans and logs', async () => {
    const { items } = await rpc('telemetry.events', { kind: 'span', service });
    expect(items.map((item: { name: string }) => item.name)).toEqual([
      'GET /orders',
      'SELECT orders',
    ]);
    expect(items[0]).toMatchObject({
      status: 'error',
      body: 'the database was slow',
      durationMs: 250,
      parentId: null,
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
      attributes: {
        'http.request.method': 'GET',
        'gen_ai.usage.input_tokens': 42,
        cached: false,
        'span.kind': 'server',
        'service.instance.id': 'one',
      },
    });
    expect(items[1].attributes['db.statement']).toBe("SELECT '' FROM orders");
    const events = await rpc('telemetry.events', { kind: 'event', service });
    expect(events.items).toMatchObject([
      {
        name: 'exception',
        spanId: items[0].spanId,
        attributes: { 'exception.type': 'TimeoutError' },
      },
    ]);
    expect(await values('span_duration_seconds', service, ['span', 'span_kind', 'status'])).toEqual(
      {
        'GET /orders server error': 0.25,
        'SELECT orders client unset': 0.15,
      },
    );
    const logs = await rpc('telemetry.events', { kind: 'log', service });
    expect(logs.items).toMatchObject([
      { body: 'stock is low', status: 'warn', attributes: { article: 7 } },
    ]);
    expect(await values('log_records', service, ['severity'])).toEqual({ warn: 1 });
  });
});

describe('telemetry.events', () => {
  const trace = 'a'.repeat(32);
  const span = (n: number, more: object = {}) => ({
    traceId: trace,
    spanId: String(n).padStart(16, '0'),
    name: n % 2 ? 'odd' : 'even',
    startTimeUnixNano: nanos(Date.now() - 10_000 - n),
    endTimeUnixNano: nanos(Date.now() - 10_000),
    attributes: [attribute('n', { intValue: String(n) })],
    ...more,
  });
  const spans = (list: unknown[]) => ({
    resourceSpans: [
      {
        resource: { attributes: [attribute('service.name', { stringValue: 'list' })] },
        scopeSpans: [{ spans: list }],
      },
    ],
  });
  const query = (input: object) => rpc('telemetry.events', { service: 'list', ...input });
  const ns = (page: { items: { attributes: { n: number } }[] }) =>
    page.items.map(({ attributes }) => attributes.n);

  test('are paged, newest first, without gaps or repeats', async () => {
    const list = Array.from({ length: 25 }, (_, n) => span(n + 1));
    // Twice in one request, and once more: still 25.
    expect((await post('traces', spans([...list, ...list]))).status).toBe(200);
    expect(await (await post('traces', spans(list))).json()).toEqual({});
    const seen: number[] = [];
    let cursor: string | null = null;
    do {
      const page: { items: never[]; nextCursor: string | null } = await query({
        limit: 10,
        cursor,
      });
      seen.push(...ns(page));
      cursor = page.nextCursor;
    } while (cursor);
    expect(seen.sort((a, b) => a - b)).toEqual(list.map((_, n) => n + 1));
  });
  test('are filtered', async () => {
    expect((await query({ name: 'odd', limit: 100 })).items).toHaveLength(13);
    expect(ns(await query({ attributes: { n: 7 } }))).toEqual([7]);
    expect(ns(await query({ attributes: { n: '7' } }))).toEqual([7]);
    expect((await query({ attributes: { n: 7, other: 'x' } })).items).toEqual([]);
    expect((await query({ minDurationMs: 20, limit: 100 })).items).toHaveLength(6);
    expect((await query({ traceId: trace.toUpperCase(), limit: 100 })).items).toHaveLength(25);
    expect((await query({ traceId: 'b'.repeat(32) })).items).toEqual([]);
    expect((await query({ to: new Date(Date.now() - 60_000).toISOString() })).items).toEqual([]);
    expect((await query({ from: new Date(Date.now() - 60_000).toISOString() })).items).not.toEqual(
      [],
    );
    expect((await query({ status: 'error' })).items).toEqual([]);
    expect((await query({ attributes: { "' OR 1=1 --": "'" } })).items).toEqual([]);
  });
  test.each([
    ['cursor', { cursor: 'x' }],
    ['traceId', { traceId: 'zz' }],
    ['kind', { kind: 'trace' }],
    ['attributes', { attributes: { a: { b: 1 } } }],
  ])('a wrong %s is a 400 at that field', async (_name, input) => {
    await expect(query(input)).rejects.toThrow(_name);
  });
  test('what is not right about one span does not lose the others', async () => {
    const answer = await post(
      'traces',
      spans([
        span(101),
        span(102, { traceId: '' }),
        span(103, { spanId: 'abcd' }),
        span(104, { endTimeUnixNano: nanos(Date.now() + 3_600_000) }),
        span(105, {
          startTimeUnixNano: nanos(Date.now() - 9 * 86_400_000),
          endTimeUnixNano: nanos(Date.now() - 8 * 86_400_000),
        }),
        span(106),
      ]),
    );
    expect(answer.status).toBe(200);
    const { partialSuccess } = await answer.json();
    expect(partialSuccess.rejectedSpans).toBe('4');
    expect(partialSuccess.errorMessage).toMatch(
      /traceId: .*spanId: .*in the future; .*older than 7 days/,
    );
    expect(ns(await query({ attributes: { n: 101 } }))).toEqual([101]);
    expect(ns(await query({ attributes: { n: 106 } }))).toEqual([106]);
  });
  test('old partitions are dropped, others stay', async () => {
    const { pool } = runtime.db;
    await pool.query(
      `CREATE TABLE telemetry_events_20200101 PARTITION OF telemetry_events FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')`,
    );
    expect(await runtime.telemetry.events.prune(new Date())).toEqual(['telemetry_events_20200101']);
    expect(await runtime.telemetry.events.prune(new Date())).toEqual([]);
    expect((await query({})).items).not.toEqual([]);
  });
});

describe('metrics', () => {
  test('what is not right about one point does not lose the others', async () => {
    const many = Array.from({ length: 70 }, (_, n) => attribute(`l${n}`, { stringValue: 'x' }));
    const at = nanos(Date.now());
    const answer = await post(
      'metrics',
      gauge(
        [
          { timeUnixNano: at, asDouble: 1, attributes: [attribute('n', { intValue: 1 })] },
          { timeUnixNano: at, asDouble: 2, attributes: many },
          { timeUnixNano: at },
          { timeUnixNano: at, flags: 1 },
          { timeUnixNano: nanos(Date.now() + 3_600_000), asInt: '3' },
          {
            timeUnixNano: at,
            asInt: '4',
            attributes: [attribute('n', { stringValue: 'x'.repeat(3_000) })],
          },
          { timeUnixNano: at, asInt: '-5', attributes: [attribute('n', { boolValue: true })] },
        ],
        'partial',
        'partial',
      ),
    );
    expect(answer.status).toBe(200);
    const { partialSuccess } = await answer.json();
    expect(partialSuccess.rejectedDataPoints).toBe('4');
    expect(partialSuccess.errorMessage).toMatch(/64 labels/);
    expect(partialSuccess.errorMessage).toMatch(/no value/);
    expect(await values('partial', 'partial', ['n'])).toEqual({ '1': 1, true: -5 });
  });
  test('microseconds are kept, and sending again changes nothing', async () => {
    const now = Date.now();
    const points = [1, 2, 3].map((n) => ({ timeUnixNano: `${now}00${n}400`, asInt: n }));
    for (let i = 0; i < 2; i++)
      expect((await post('metrics', gauge(points, 'micro'))).status).toBe(200);
    const { items } = await rpc('metrics.samples', { metric: 'micro', timeRange: '1h' });
    expect(items).toHaveLength(3);
  });
  test('summaries, NaN, names of enums, an empty request', async () => {
    const body = {
      resourceMetrics: [
        {
          scopeMetrics: [
            {
              metrics: [
                {
                  name: 'sum.mary',
                  summary: {
                    dataPoints: [
                      {
                        timeUnixNano: nanos(Date.now()),
                        count: '4',
                        sum: 10,
                        quantileValues: [
                          { quantile: 0.5, value: 2 },
                          { quantile: 0.99, value: 'NaN' },
                        ],
                      },
                    ],
                  },
                },
                {
                  name: 'named.total',
                  sum: {
                    aggregationTemporality: 'AGGREGATION_TEMPORALITY_CUMULATIVE',
                    isMonotonic: true,
                    dataPoints: [{ timeUnixNano: nanos(Date.now()), asDouble: '1.5' }],
                  },
                },
              ],
            },
          ],
        },
      ],
    };
    expect(await (await post('metrics', body)).json()).toEqual({});
    expect(await values('sum.mary', 'unknown_service', ['quantile'])).toMatchObject({ '0.5': 2 });
    expect(await values('sum.mary_count', 'unknown_service')).toEqual({ '': 4 });
    expect(await values('named.total', 'unknown_service')).toEqual({ '': 1.5 });
    for (const signal of ['metrics', 'traces', 'logs']) {
      expect(await (await post(signal, {})).json()).toEqual({});
      const empty = await post(signal, new Uint8Array(), { 'content-type': PROTO_TYPE });
      expect([empty.status, await empty.text()]).toEqual([200, '']);
      expect(empty.headers.get('content-type')).toBe(PROTO_TYPE);
    }
  });
});

describe('refused', () => {
  test('without a key, with a session, with a key that lacks the scope', async () => {
    const { cookie } = await session();
    for (const signal of ['metrics', 'traces', 'logs']) {
      const status = async (headers: Record<string, string>) =>
        (await call(`/v1/${signal}`, { method: 'POST', body: '{}', headers })).status;
      expect(await status({ 'content-type': JSON_TYPE })).toBe(401);
      expect(await status({ 'content-type': JSON_TYPE, cookie, origin: url })).toBe(401);
      expect(await status({ 'content-type': JSON_TYPE, ...bearer(keys.admin) })).toBe(403);
    }
  });
  test.each([
    ['no JSON', '{"resourceMetrics":', 400],
    ['a list', '[]', 400],
    ['a wrong type', '{"resourceMetrics":{}}', 400],
    ['nothing', '', 400],
  ])('%s: a google.rpc.Status', async (_name, body, status) => {
    const answer = await post('metrics', body);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await answer.json()).toMatchObject({ code: 3, message: expect.stringMatching(/./) });
  });
  test('bytes that are no message: the same in protobuf', async () => {
    const answer = await post('metrics', new Uint8Array([0x0a, 0xff]), {
      'content-type': PROTO_TYPE,
    });
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toBe(PROTO_TYPE);
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect([...bytes.subarray(0, 3)]).toEqual([0x08, 3, 0x12]);
  });
  test('another content type is a 415, another encoding too', async () => {
    expect((await post('metrics', 'x', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await post('metrics', '{}', { 'content-encoding': 'snappy' })).status).toBe(415);
  });
  test('a body that is not gzip is a 400', async () => {
    expect((await post('metrics', '{}', { 'content-encoding': 'gzip' })).status).toBe(400);
  });
  test('17 MiB are a 413, also as a few kilobytes of gzip', async () => {
    const large = ' '.repeat(17 * 1024 * 1024);
    expect((await post('metrics', large)).status).toBe(413);
    const bomb = gzipSync(Buffer.alloc(1024 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(2 * 1024 * 1024);
    const before = process.memoryUsage.rss();
    const answer = await post('metrics', bomb, { 'content-encoding': 'gzip' });
    expect(answer.status).toBe(413);
    expect((await answer.json()).code).toBe(8);
    expect(process.memoryUsage.rss() - before).toBeLessThan(300 * 1024 * 1024);
  });
});

test('what came in is counted', async () => {
  const text = await (await call('/metrics')).text();
  for (const signal of ['metrics', 'traces', 'logs'])
    expect(text).toMatch(
      new RegExp(
        `^wheelhouse_otlp_items_total\\{signal="${signal}",outcome="accepted"\\} \\d+$`,
        'm',
      ),
    );
});

test('any bytes and any JSON get a proper answer', async () => {
  const signal = fc.constantFrom('metrics', 'traces', 'logs');
  await fc.assert(
    fc.asyncProperty(signal, fc.uint8Array({ maxLength: 200 }), async (to, bytes) => {
      const answer = await post(to, bytes, { 'content-type': PROTO_TYPE });
      expect([200, 400]).toContain(answer.status);
      await answer.arrayBuffer();
    }),
    { numRuns: 100 },
  );
  await fc.assert(
    fc.asyncProperty(signal, fc.json(), async (to, text) => {
      const answer = await post(to, text);
      expect([200, 400]).toContain(answer.status);
      await answer.json();
    }),
    { numRuns: 100 },
  );
});

describe('wide events over tRPC', () => {
  const send = async (events: unknown, credential = key) => {
    const answer = await call('/api/trpc/telemetry.ingest', json(credential, { events }));
    return { status: answer.status, body: await answer.json() };
  };

  test('good ones are kept and drawn, bad ones refused with field and reason', async () => {
    const { body } = await send([
      {
        name: 'checkout',
        service: 'wide',
        durationMs: 1_500,
        status: 'ok',
        attributes: { plan: 'pro', cart: 3, html: '<script>' },
      },
      { name: 'checkout', service: 'wide', durationMs: 500, status: 'ok' },
      { name: 'checkout', service: 'wide', durationMs: -1 },
      { name: '', service: 'wide' },
      { name: 'x', at: '2020-01-01T00:00:00Z' },
      { name: 'x', at: 'now' },
      { name: 'x', traceId: 'zz' },
      { name: 'x', attributes: { nested: {} } },
      { name: 'x', colour: 'red' },
      'text',
    ]);
    const { accepted, rejected } = body.result.data;
    expect(accepted).toBe(2);
    expect(rejected.map(({ index }: { index: number }) => index)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    expect(rejected.map(({ reason }: { reason: string }) => reason)).toEqual([
      'durationMs: Must not be negative',
      'name: Must not be empty',
      'at: older than 7 days',
      'at: An ISO-8601 time with a zone',
      'traceId: 32 hexadecimal digits, not all zero',
      expect.stringContaining('attributes.nested'),
      expect.stringContaining('colour'),
      expect.stringMatching(/^event: /),
    ]);
    const { items } = await rpc('telemetry.events', { kind: 'event', service: 'wide' });
    expect(items).toHaveLength(2);
    expect(items.map(({ durationMs }: { durationMs: number }) => durationMs).sort()).toEqual([
      1_500, 500,
    ]);
    const [one] = (await rpc('telemetry.events', { kind: 'event', attributes: { plan: 'pro' } }))
      .items;
    expect(one.attributes).toEqual({ plan: 'pro', cart: 3, html: '<script>' });
    expect(await values('events', 'wide', ['event'])).toEqual({ checkout: 2 });
    expect(await values('event_duration_seconds', 'wide', ['status'])).toMatchObject({
      ok: expect.any(Number),
    });
  });

  test('need the scope; a thousand a call', async () => {
    expect((await send([], keys.admin)).status).toBe(403);
    expect((await send(Array.from({ length: 1_001 }, () => 1))).status).toBe(400);
  });
});
