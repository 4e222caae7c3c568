/** What programs send while PostgreSQL comes and goes: said to be sent again, and then neither lost nor doubled. */
import { expect, test, vi } from 'vitest';
import { bearer, testAuthority, testHost } from '../platform/testing/host.ts';
import { testDatabase } from '../platform/testing/index.ts';
import { tcpProxy } from '../platform/testing/tcp-proxy.ts';

const direct = new URL(await testDatabase());
const wire = await tcpProxy({ host: direct.hostname, port: Number(direct.port) });
const through = new URL(direct);
through.hostname = '127.0.0.1';
through.port = String(wire.port);
const { call, runtime } = await testHost({ databaseUrl: through.href });
const { key } = await runtime.keys.create(testAuthority, {
  name: 'machine',
  role: 'viewer',
  scopes: ['ingest', 'webhook'],
});

const post = (path: string, body: unknown) =>
  call(path, {
    method: 'POST',
    headers: { ...bearer(key), 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
const nanos = () => `${Date.now()}000000`;
const spans = (ids: readonly number[]) => ({
  resourceSpans: [
    {
      scopeSpans: [
        {
          spans: ids.map((id) => ({
            traceId: 'a'.repeat(32),
            spanId: String(id).padStart(16, '0'),
            name: 'work',
            startTimeUnixNano: nanos(),
            endTimeUnixNano: nanos(),
          })),
        },
      ],
    },
  ],
});
const alerts = (ids: readonly number[]) => ({
  version: '4',
  alerts: ids.map((id) => ({
    status: 'firing',
    labels: { alertname: `a${id}` },
    startsAt: new Date(Date.now() - 1_000).toISOString(),
  })),
});
const back = async () => {
  wire.mend();
  await vi.waitFor(() => expect(runtime.db.status().up).toBe(true), {
    timeout: 20_000,
    interval: 50,
  });
};

test('without a database everything is a 503 that may be tried again', async () => {
  expect((await post('/v1/traces', spans([1]))).status).toBe(200);
  wire.cut();
  try {
    for (const [path, body] of [
      ['/v1/metrics', { resourceMetrics: [] }],
      ['/v1/traces', spans([2])],
      ['/v1/logs', { resourceLogs: [{ scopeLogs: [{ logRecords: [{}] }] }] }],
      ['/api/webhooks/alertmanager', alerts([0])],
    ] as const) {
      // The key is remembered for a moment; the answer must be right before and after that.
      await vi.waitFor(async () => {
        const answer = await post(path, body);
        await answer.arrayBuffer();
        expect([path, answer.status]).toEqual([path, 503]);
        if (path.startsWith('/v1/'))
          expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      });
    }
  } finally {
    await back();
  }
});

test('who sends again until it is taken loses nothing and doubles nothing', async () => {
  let [taken, refused, cutting] = [0, 0, true];
  const until = async (path: string, body: unknown) => {
    for (;;) {
      const answer = await post(path, body);
      await answer.arrayBuffer();
      if (answer.status === 200) {
        taken++;
        return;
      }
      expect(answer.status).toBe(503);
      refused++;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const cuts = (async () => {
    for (let n = 0; n < 4 && cutting; n++) {
      const [took, turned] = [taken, refused];
      await vi.waitFor(() => expect(!cutting || taken > took + 8).toBe(true), 10_000);
      wire.cut();
      await vi.waitFor(() => expect(!cutting || refused > turned + 3).toBe(true), 10_000);
      await back();
    }
  })();
  const lanes = Array.from({ length: 4 }, async (_, lane) => {
    for (let n = 0; n < 40; n++) {
      const id = 1_000 + lane * 1_000 + n * 2;
      await until('/v1/traces', spans([id, id + 1]));
      if (n % 10 === 0) await until('/api/webhooks/alertmanager', alerts([id]));
    }
  });
  await Promise.all(lanes);
  cutting = false;
  await cuts;
  const { rows } = await runtime.db.pool.query<{ ids: number; total: number }>(
    `SELECT count(DISTINCT span_id)::int AS ids, count(*)::int AS total FROM telemetry_events
     WHERE span_id >= decode('0000000000001000', 'hex')`,
  );
  expect(rows[0]?.ids).toBe(320);
  expect(rows[0]?.total).toBe(320);
  const open = await runtime.db.pool.query<{ count: number }>(
    `SELECT count(*)::int FROM incidents WHERE key LIKE 'alert:%' AND title ~ '^a[1-9]'`,
  );
  expect(open.rows[0]?.count).toBe(16);
}, 60_000);
