import { once } from 'node:events';
import { request as rawRequest } from 'node:http';
import { connect } from 'node:net';
import { expect, test, vi } from 'vitest';
import { bearer, testHost } from '../platform/testing/host.ts';
import { testDatabase } from '../platform/testing/index.ts';
import { proxied } from '../platform/testing/tcp-proxy.ts';

const { url: databaseUrl, proxy } = await proxied(await testDatabase());
const { runtime, host, url, keys, call } = await testHost({ databaseUrl });
const clients = () => runtime.metrics.streamClients();
const idsIn = (text: string) =>
  [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));

test('Last-Event-ID in the header resumes without a gap, also beside other topics', async () => {
  const read = async (headers: Record<string, string>, frames: number) => {
    const stop = new AbortController();
    const answer = await call('/api/stream?topics=stream', {
      headers: { ...bearer(keys.viewer), ...headers },
      signal: stop.signal,
    });
    let text = '';
    for await (const chunk of answer.body ?? []) {
      text += Buffer.from(chunk).toString('utf8');
      if (idsIn(text).length >= frames) break;
    }
    stop.abort();
    return idsIn(text);
  };
  const [first = 0, second, third] = await read({}, 3);
  expect((await read({ 'last-event-id': String(first) }, 2)).slice(0, 2)).toEqual([second, third]);
  // Nonsense is no place to resume from: only what is new comes.
  const [fresh = 0] = await read({ 'last-event-id': 'nonsense' }, 1);
  expect(fresh).toBeGreaterThan(third ?? 0);
  await vi.waitFor(() => expect(clients()).toBe(0));
});

test('a reader that stops reading skips to the newest frame, what lay between is dropped, not kept', async () => {
  const socket = connect(host.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(
    `GET /api/stream HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${keys.viewer}\r\n\r\n`,
  );
  let text = '';
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  await vi.waitFor(() => expect(idsIn(text).length).toBeGreaterThan(0));
  socket.pause();
  // Events make frames of 4 MB, of which both kernels together hold a few.
  const filler = setInterval(() => {
    for (let i = 0; i < 200; i++)
      runtime.bus.publish({ topic: 'noise', type: 'x'.repeat(20_000), id: String(i) });
  }, 100);
  const sent = () => idsIn(text).at(-1) ?? 0;
  const before = sent();
  try {
    const until = performance.now() + 4_000;
    await vi.waitFor(() => expect(performance.now()).toBeGreaterThan(until), {
      timeout: 10_000,
      interval: 100,
    });
  } finally {
    clearInterval(filler);
  }
  const at = runtime.clock.now().getTime();
  socket.resume();
  await vi.waitFor(() => expect(sent()).toBeGreaterThan(at), { timeout: 5_000 });
  const ids = idsIn(text).filter((id) => id > before);
  expect(ids).toEqual([...ids].sort((a, b) => a - b));
  // 4 s are 8 frames; most of them were never sent.
  const gap = Math.max(...ids.slice(1).map((id, i) => id - (ids[i] ?? 0)));
  expect(gap).toBeGreaterThan(1_500);
  expect(text.length).toBeLessThan(6 * 4_000_000);
  socket.destroy();
  await vi.waitFor(() => expect(clients()).toBe(0));
}, 30_000);

test('a reader who leaves while the database is asked who it is leaves nothing behind', async () => {
  const { key } = await runtime.keys.create(
    { actor: { kind: 'system', id: null, name: 'test' }, rule: 'test', requestId: null },
    { name: 'late', role: 'viewer', scopes: [] },
  );
  proxy.stall();
  try {
    const request = rawRequest(`${url}/api/stream`, { headers: bearer(key) });
    request.on('error', () => undefined).end();
    await vi.waitFor(() => expect(runtime.metrics.recent().inFlight).toBe(1));
    request.destroy();
    await vi.waitFor(() => expect(runtime.metrics.recent().inFlight).toBe(0));
  } finally {
    proxy.mend();
  }
  expect((await call('/api/trpc/system.info', { headers: bearer(key) })).status).toBe(200);
  expect(clients()).toBe(0);
});

test('a stream outlives an outage of the database, says so, and still ends when its key is revoked', async () => {
  const { id, key } = await runtime.keys.create(
    { actor: { kind: 'system', id: null, name: 'test' }, rule: 'test', requestId: null },
    { name: 'outage', role: 'viewer', scopes: [] },
  );
  const answer = await call('/api/stream?topics=database', { headers: bearer(key) });
  const reader = answer.body?.getReader();
  let text = '';
  const done = (async () => {
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read())
      text += Buffer.from(part.value).toString('utf8');
  })();
  const newest = () =>
    text.split('\n\n').findLast((frame) => frame.startsWith('event: frame')) ?? '';
  await vi.waitFor(() => expect(newest()).toContain('"database_up":1'));
  proxy.cut();
  await vi.waitFor(() => expect(newest()).toContain('"database_up":0'), { timeout: 6_000 });
  proxy.mend();
  await vi.waitFor(() => expect(newest()).toContain('"database_up":1'), { timeout: 6_000 });
  await runtime.db.prisma.apiKey.update({ where: { id }, data: { revokedAt: new Date() } });
  await done;
  expect(text).toContain('event: ended');
});

test('a database that swallows everything: calls end in a 503 within seconds, readiness says so, and all comes back', async () => {
  const status = async (path: string) =>
    (await call(path, { headers: bearer(keys.viewer) })).status;
  expect(await status('/api/trpc/system.info')).toBe(200);
  // Connections that stand idle when the server falls silent: a question on one of them gets no answer and no error.
  await Promise.all(
    Array.from({ length: 10 }, () => runtime.db.pool.query('SELECT pg_sleep(0.2)')),
  );
  expect(runtime.db.poolGauges().idle).toBeGreaterThanOrEqual(10);
  proxy.stall();
  try {
    const started = performance.now();
    const asked = Array.from({ length: 5 }, () => status('/api/trpc/incidents.list?input=%7B%7D'));
    await vi.waitFor(async () => expect(await status('/readyz')).toBe(503), { timeout: 6_000 });
    expect(await status('/livez')).toBe(200);
    expect(await Promise.all(asked)).toEqual([503, 503, 503, 503, 503]);
    expect(await status('/api/trpc/incidents.list?input=%7B%7D')).toBe(503);
    expect(performance.now() - started).toBeLessThan(15_000);
  } finally {
    proxy.mend();
  }
  await vi.waitFor(async () => expect(await status('/api/trpc/system.info')).toBe(200), {
    timeout: 10_000,
  });
  expect(await status('/readyz')).toBe(200);
}, 60_000);
