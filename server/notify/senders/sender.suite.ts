/** What every adapter of `Sender` guarantees; `transmit` is the way to all of them. */
import { createServer, type Server } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { createBreakerGroup, createGuard, defaultPolicy } from '../../client/index.ts';
import { createHttpClient } from '../../platform/http-client.ts';
import { type Settings, secretsIn } from '../settings.ts';
import type { Outgoing, SendContext } from './port.ts';
import { createTransmit } from './transmit.ts';

const http = createHttpClient();
const now = () => performance.now();
const group = createBreakerGroup({ replica: 'test', store: null, now });
const guardOf = (name: string) => createGuard(group, group.get(name, defaultPolicy), now);
const transmit = createTransmit({ http, guardOf, publicUrl: () => 'https://ops.example.com' });
const message: Outgoing = {
  key: 'k',
  kind: 'trigger',
  thread: 'incident-1',
  severity: 'critical',
  title: 'api is down',
  text: 'Three checks in a row failed.',
  facts: [],
  at: '2026-06-01T08:00:00.000Z',
  href: '/incidents',
};
const context = (timeoutMs = 5_000): SendContext & { rootId: null } => ({
  id: '01a1fc6f-0000-7000-8000-000000000001',
  rootId: null,
  now: new Date('2026-06-01T08:00:00Z'),
  timeoutMs,
  signal: AbortSignal.timeout(timeoutMs),
});

/** A port where nothing answers: connections are taken and left alone, or the port is free again. */
async function silentPort(kept: boolean): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    afterAll(() => socket.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  if (kept) afterAll(() => void server.close());
  else await new Promise((resolve) => server.close(resolve));
  return port;
}

export function senderSuite(
  open: () => Promise<{
    /** Settings for a receiver at `host` and `port`. */
    at(host: string, port: number): Settings;
    port: number;
    /** The ids by which the receiver could know that it got the same twice. */
    ids(): unknown[];
  }>,
): void {
  test('sends, and the same message twice has the same id', async () => {
    const { at, port, ids } = await open();
    const settings = at('127.0.0.1', port);
    expect(await transmit(settings, message, context())).toMatchObject({ ok: true });
    expect(await transmit(settings, message, context())).toMatchObject({ ok: true });
    expect(ids()).toHaveLength(2);
    expect(new Set(ids()).size).toBe(1);
  });
  test('nobody there: tried again', async () => {
    const { at } = await open();
    const settings = at('127.0.0.1', await silentPort(false));
    const outcome = await transmit(settings, message, context());
    expect(outcome).toMatchObject({ ok: false, permanent: false, status: null });
    expect(outcome.detail).toMatch(/ECONNREFUSED/);
  });
  test('no answer: given up in time, tried again', async () => {
    const { at } = await open();
    const settings = at('127.0.0.1', await silentPort(true));
    const began = performance.now();
    const outcome = await transmit(settings, message, context(400));
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(outcome).toMatchObject({ ok: false, permanent: false, status: null });
  });
  test.each(['169.254.169.254', '100.100.100.200'])('%s is refused for good', async (host) => {
    const { at } = await open();
    const outcome = await transmit(at(host, 80), message, context());
    expect(outcome).toMatchObject({ ok: false, permanent: true, status: null });
  });
  test('what is told of a failure holds no secret', async () => {
    const { at } = await open();
    const settings = at('no-such-host.invalid', 9);
    const { ok, detail } = await transmit(settings, message, context());
    expect(ok).toBe(false);
    for (const secret of secretsIn(settings)) expect(detail).not.toContain(secret);
  });
}
