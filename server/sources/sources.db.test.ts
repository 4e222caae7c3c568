/** Sources on a real PostgreSQL: kept with sealed credentials, read over real HTTP, by one of two replicas. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { bearer, json, testHost } from '../platform/testing/host.ts';
import { testRuntime } from '../platform/testing/index.ts';

const { call, keys, runtime } = await testHost();
const { db, sources } = runtime;
const other = await testRuntime({ databaseUrl: runtime.databaseUrl });

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
let handler: Handler;
const requests: IncomingMessage[] = [];
const server = createServer((request, response) => {
  requests.push(request);
  handler(request, response);
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
const address = server.address();
const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
const url = `http://127.0.0.1:${port}/metrics`;
const exposes =
  (text: string, type = 'text/plain; version=0.0.4'): Handler =>
  (_request, response) =>
    response.writeHead(200, { 'content-type': type }).end(text);

const ask = async (name: string, input: object, key = keys.viewer) => {
  const answer = await call(
    `/api/trpc/${name}?input=${encodeURIComponent(JSON.stringify(input))}`,
    { headers: bearer(key) },
  );
  const body = await answer.json();
  return body.error ?? body.result.data;
};
const change = async (name: string, input: object, key = keys.operator) => {
  const body = await (await call(`/api/trpc/${name}`, json(key, input))).json();
  return body.error ?? body.result.data;
};
const fields = (answer: { data: { fields?: { path: string }[] } }) =>
  answer.data.fields?.map(({ path }) => path);
let count = 0;
const create = async (more: object = {}): Promise<{ id: string; name: string }> => {
  const name = `source ${++count}`;
  const made = await change('sources.create', { kind: 'scrape', name, url, ...more });
  if (!made.id) throw new Error(JSON.stringify(made));
  return { id: made.id, name };
};
const item = async (id: string) =>
  (await ask('sources.list', { limit: 200 })).items.find((one: { id: string }) => one.id === id);
/** One round of scraping by this replica, of all that is due. */
const round = async () => {
  const begun = await sources.scraper.tick();
  await sources.scraper.idle();
  return begun;
};
const due = (id: string) =>
  db.pool.query(`UPDATE metric_sources SET last_at = now() - interval '1 hour' WHERE id = $1`, [
    id,
  ]);
const newest = async (metric: string, job: string) => {
  const { series } = await ask('metrics.query', {
    metric,
    timeRange: '1h',
    groupBy: ['*'],
    filters: [{ field: 'job', op: 'eq', value: job }],
    aggregations: ['last', 'count'],
  });
  return series.map(
    (one: { labels: object; points: { values: { last: number; count: number } }[] }) => ({
      ...one.labels,
      ...one.points[0]?.values,
    }),
  );
};
beforeEach(async () => {
  requests.length = 0;
  await db.pool.query('DELETE FROM metric_sources');
});

describe('are kept', () => {
  test('and shown without their secrets, with every change in the audit log', async () => {
    const { id, name } = await create({
      auth: { kind: 'basic', username: 'reader', password: 'top-secret-1' },
      headers: { 'X-Scope-OrgID': 'top-secret-2' },
      labels: { env: 'prod' },
    });
    expect(await item(id)).toMatchObject({
      name,
      kind: 'scrape',
      url,
      auth: 'basic',
      username: 'reader',
      headers: ['X-Scope-OrgID'],
      labels: { env: 'prod' },
      intervalSeconds: 15,
      timeoutMs: 10_000,
      paused: false,
      lastAt: null,
    });
    expect(
      await change('sources.update', { id, paused: true, intervalSeconds: 30 }),
    ).toBeUndefined();
    expect(await item(id)).toMatchObject({ paused: true, intervalSeconds: 30, auth: 'basic' });
    await change('sources.remove', { id });
    expect(await item(id)).toBeUndefined();
    const rows = await db.prisma.auditEntry.findMany({
      where: { targetId: id },
      orderBy: { seq: 'asc' },
      select: { action: true, before: true, after: true },
    });
    expect(rows.map(({ action }) => action)).toEqual([
      'sources.create',
      'sources.update',
      'sources.remove',
    ]);
    expect(JSON.stringify(rows)).not.toMatch(/top-secret/);
  });
  test('credentials are not readable in the database', async () => {
    const { id } = await create({ auth: { kind: 'bearer', token: 'top-secret-3' } });
    const { rows } = await db.pool.query('SELECT to_json(s)::text AS row FROM metric_sources s');
    expect(rows[0]?.row).not.toMatch(/top-secret/);
    expect(JSON.stringify(await item(id))).not.toMatch(/top-secret/);
  });
  test('a secret does not follow to another server', async () => {
    const { id } = await create({ auth: { kind: 'bearer', token: 'top-secret-4' } });
    const moved = { id, url: 'http://127.0.0.2:9/metrics' };
    expect(fields(await change('sources.update', moved))).toEqual(['auth']);
    expect(await change('sources.update', { ...moved, auth: { kind: 'none' } })).toBeUndefined();
    expect((await item(id)).auth).toBe('none');
  });
  test.each([
    ['url', { url: 'ftp://x/' }],
    ['url', { url: 'http://user:pass@host/' }],
    ['url', { url: 'http://169.254.169.254/latest' }],
    ['name', { name: ' ' }],
    ['timeoutMs', { intervalSeconds: 1, timeoutMs: 5_000 }],
    ['headers.Host', { headers: { Host: 'x' } }],
    ['headers.X', { headers: { X: 'a\r\nY: b' } }],
    ['labels.9', { labels: { '9': 'x' } }],
    ['auth.token', { auth: { kind: 'bearer', token: '' } }],
  ])('%s: %j is refused there', async (path, more) => {
    const answer = await change('sources.create', { kind: 'scrape', name: 'x', url, ...more });
    expect(fields(answer)).toContain(path);
  });
  test('one name once; other kinds have other settings; what is gone is not found', async () => {
    const { id, name } = await create();
    const again = await change('sources.create', { kind: 'prometheus', name, url });
    expect([again.data.code, fields(again)]).toEqual(['CONFLICT', ['name']]);
    const store = await create({ kind: 'prometheus' });
    expect(fields(await change('sources.update', { id: store.id, labels: {} }))).toEqual([
      'labels',
    ]);
    await change('sources.remove', { id });
    expect((await change('sources.remove', { id })).data.code).toBe('NOT_FOUND');
    expect((await change('sources.update', { id, paused: true })).data.code).toBe('NOT_FOUND');
    expect((await change('sources.test', { id })).data.code).toBe('NOT_FOUND');
  });
  test('lists are paged', async () => {
    for (let n = 0; n < 5; n++) await create();
    const first = await ask('sources.list', { limit: 3 });
    const rest = await ask('sources.list', { limit: 3, cursor: first.nextCursor });
    expect([first.items.length, rest.items.length, rest.nextCursor]).toEqual([3, 2, null]);
  });
});

describe('scraping', () => {
  test('writes what is exposed, with job, instance and its own labels', async () => {
    handler = exposes(`# HELP shop_orders_total Orders.
# TYPE shop_orders_total counter
shop_orders_total{country="de",job="theirs"} 3
shop_orders_total{country="fr"} 4
this is no sample
shop_latency_seconds_bucket{le="+Inf"} 7
`);
    const { id, name } = await create({
      labels: { env: 'prod' },
      auth: { kind: 'bearer', token: 'secret-token' },
    });
    expect(await round()).toBe(1);
    expect(requests[0]?.headers).toMatchObject({
      authorization: 'Bearer secret-token',
      accept: expect.stringContaining('application/openmetrics-text'),
    });
    const own = { job: name, instance: `127.0.0.1:${port}`, env: 'prod' };
    const found = await newest('shop_orders_total', name);
    expect(found).toHaveLength(2);
    expect(found).toEqual(
      expect.arrayContaining([
        { ...own, country: 'de', exported_job: 'theirs', last: 3, count: 1 },
        { ...own, country: 'fr', last: 4, count: 1 },
      ]),
    );
    expect(await newest('up', name)).toEqual([{ ...own, last: 1, count: 1 }]);
    expect(await newest('scrape_samples_scraped', name)).toMatchObject([{ last: 3 }]);
    expect(await newest('scrape_duration_seconds', name)).toHaveLength(1);
    expect(await item(id)).toMatchObject({
      lastSamples: 3,
      lastError: '1 lines cannot be read: line 5: the value is no number: this is no sample',
      lastAt: expect.stringMatching(/^20/),
    });
    // Not due yet.
    expect(await round()).toBe(0);
  });
  test('OpenMetrics, with times of its own', async () => {
    const at = Math.floor(Date.now() / 1000) - 60;
    handler = exposes(
      `# TYPE om counter\nom_total 5 ${at}.25 # {trace_id="x"} 1\n# EOF\n`,
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    );
    const { name } = await create();
    await round();
    const { items } = await ask('metrics.samples', {
      metric: 'om_total',
      timeRange: '1h',
      filters: [{ field: 'job', op: 'eq', value: name }],
    });
    expect(items).toMatchObject([{ at: new Date(at * 1000 + 250).toISOString(), value: 5 }]);
  });
  test.each<[string, Handler, RegExp]>([
    ['an error', (_q, r) => r.writeHead(500).end(), /status 500/],
    ['a page', exposes('<html></html>', 'text/html'), /a page, not metrics/],
    ['no answer', () => undefined, /no answer within 300 ms/],
    ['a reset', (q) => q.socket.destroy(), /closed|reset/],
    ['17 MiB', exposes('a 1\n'.repeat((17 * 1024 * 1024) / 4)), /larger than 16 MiB/],
    [
      'something endless',
      (_q, r) => {
        r.writeHead(200);
        const timer = setInterval(() => r.write('a 1\n'.repeat(1_000)), 5);
        r.on('close', () => clearInterval(timer));
      },
      /no answer within 300 ms/,
    ],
    [
      'a redirect to metadata',
      (_q, r) => r.writeHead(302, { location: 'http://169.254.169.254/latest' }).end(),
      /link-local/,
    ],
    ['gzip that nobody asked for', (_q, r) => r.end(gzipSync('a 1\n')), /cannot be read|$/],
  ])('%s: up is 0 or lines are counted, and the reason is shown', async (_name, faulty, reason) => {
    handler = faulty;
    const { id, name } = await create({ timeoutMs: 300, intervalSeconds: 5 });
    expect(await round()).toBe(1);
    expect((await item(id)).lastError).toMatch(reason);
    if (_name !== 'gzip that nobody asked for')
      expect(await newest('up', name)).toMatchObject([{ last: 0 }]);
    const tested = await change('sources.test', { id });
    expect(tested).toMatchObject({ ok: false, detail: expect.any(String) });
  });
  test('recovers, and a series that vanished just ends', async () => {
    const { id, name } = await create();
    handler = (_request, response) => response.writeHead(503).end();
    await round();
    handler = exposes('a_thing{n="1"} 1\na_thing{n="2"} 2\n');
    await due(id);
    await round();
    handler = exposes('a_thing{n="2"} 3\n');
    await due(id);
    await round();
    expect(await item(id)).toMatchObject({ lastError: null, lastSamples: 1 });
    const found = await newest('a_thing', name);
    expect(found.map((one: { n: string; count: number }) => [one.n, one.count]).sort()).toEqual([
      ['1', 1],
      ['2', 2],
    ]);
  });
  test('paused ones and stores are not read', async () => {
    handler = exposes('a 1\n');
    await create({ paused: true });
    await create({ kind: 'prometheus' });
    expect(await round()).toBe(0);
    expect(requests).toEqual([]);
  });
  test('two replicas share the work and read each source once', async () => {
    handler = exposes('shared 1\n');
    for (let n = 0; n < 30; n++) await create();
    const total = { mine: 0, theirs: 0 };
    await vi.waitFor(
      async () => {
        const [mine, theirs] = await Promise.all([
          sources.scraper.tick(),
          other.sources.scraper.tick(),
        ]);
        total.mine += mine;
        total.theirs += theirs;
        await Promise.all([sources.scraper.idle(), other.sources.scraper.idle()]);
        expect(total.mine + total.theirs).toBe(30);
      },
      { timeout: 10_000, interval: 20 },
    );
    expect(total.mine).toBeGreaterThan(0);
    expect(total.theirs).toBeGreaterThan(0);
    expect(requests).toHaveLength(30);
  });
  test('the rhythm stays, and a slow source is not read twice at once', async () => {
    const { id } = await create({ intervalSeconds: 10 });
    handler = () => undefined;
    await sources.scraper.tick();
    const first = (await db.prisma.metricSource.findUniqueOrThrow({ where: { id } })).lastAt;
    // Due again, but still being read here.
    await db.pool.query(
      `UPDATE metric_sources SET last_at = last_at - interval '11 seconds' WHERE id = $1`,
      [id],
    );
    expect(await sources.scraper.tick()).toBe(0);
    server.closeAllConnections();
    await sources.scraper.idle();
    handler = exposes('a 1\n');
    expect(await round()).toBe(1);
    const { lastAt } = await db.prisma.metricSource.findUniqueOrThrow({ where: { id } });
    expect((lastAt?.getTime() ?? 0) - (first?.getTime() ?? 0)).toBe(-1_000);
  });
  test('can be tried without waiting and without writing', async () => {
    handler = exposes('tried_only 1\nbad line here\n');
    const { id, name } = await create();
    expect(await change('sources.test', { id })).toMatchObject({
      ok: true,
      detail: '1 samples and 1 lines that cannot be read.',
      samples: 1,
      faults: [expect.stringMatching(/^line 2: /)],
    });
    expect(await newest('tried_only', name)).toEqual([]);
  });
});

describe('another store', () => {
  const question = (sourceId: string, more: object = {}) =>
    ask('metrics.query', {
      metric: 'up',
      timeRange: '5m',
      aggregations: ['avg'],
      sourceId,
      ...more,
    });
  test('that answers nonsense, refuses, or is away is said so', async () => {
    const { id, name } = await create({ kind: 'prometheus', timeoutMs: 300 });
    handler = exposes('not JSON');
    expect((await question(id)).message).toMatch(`${name}: the answer is not that of a Prometheus`);
    handler = (_q, r) => r.writeHead(401).end();
    expect((await question(id)).message).toMatch(/refuses the credentials/);
    handler = () => undefined;
    expect(await question(id)).toMatchObject({
      message: expect.stringMatching(/no answer within 300 ms/),
      data: { code: 'SERVICE_UNAVAILABLE' },
    });
    expect(await item(id)).toMatchObject({
      lastError: expect.stringMatching(/no answer within 300 ms/),
      lastAt: expect.stringMatching(/^20/),
    });
    handler = (q, r) =>
      q.url?.includes('buildinfo')
        ? r.writeHead(404).end('{"status":"error","error":"no"}')
        : r.writeHead(422).end('{"status":"error","error":"too many samples"}');
    const tooMuch = await question(id);
    expect([tooMuch.message, fields(tooMuch)]).toEqual([
      expect.stringMatching(/too many samples/),
      ['timeRange'],
    ]);
    handler = (_q, r) => r.end('{"status":"success","data":{"result":"x"}}');
    expect((await question(id)).data.code).toBe('SERVICE_UNAVAILABLE');
  });
  test('what cannot be asked points at the field', async () => {
    const { id } = await create({ kind: 'prometheus' });
    handler = (_q, r) => r.end('{"status":"success","data":{"version":"3.0.0"}}');
    expect(fields(await question(id, { aggregations: ['percentiles', 'distinct'] }))).toEqual([
      'aggregations.1',
    ]);
    expect(
      fields(await question(id, { filters: [{ field: 'value', op: 'gt', value: 1 }] })),
    ).toEqual(['filters.0.field']);
    expect(fields(await question(id, { timeRange: '30d', step: '1s' }))).toEqual(['step']);
  });
  test('one that is scraped, paused or gone cannot be asked', async () => {
    const scraped = await create();
    const paused = await create({ kind: 'prometheus', paused: true });
    for (const id of [scraped.id, paused.id, '01a1fc6f-0000-7000-8000-000000000000']) {
      expect(fields(await question(id))).toEqual(['sourceId']);
    }
  });
});
