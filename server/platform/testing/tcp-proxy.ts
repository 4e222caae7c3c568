/** A wire between a client and a server that a test may cut, leave dead, and mend. */
import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { afterAll } from 'vitest';

export type TcpProxy = {
  port: number;
  /** Ends every connection and refuses new ones. */
  cut(): void;
  /** Connections stay and new ones are taken, but nothing passes: as behind a firewall that drops packets. */
  stall(): void;
  /** What was held back by `stall` arrives. */
  mend(): void;
};

export async function tcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  let state: 'open' | 'cut' | 'stalled' = 'open';
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((near) => {
    if (state === 'cut') return near.destroy();
    const far = createConnection(target);
    const pair = [near, far] as const;
    pairs.add(pair);
    const end = () => {
      near.destroy();
      far.destroy();
      pairs.delete(pair);
    };
    for (const socket of pair) socket.setNoDelay(true).on('error', end).on('close', end);
    near.on('data', (chunk) => far.write(chunk));
    far.on('data', (chunk) => near.write(chunk));
    if (state === 'stalled') for (const socket of pair) socket.pause();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const drop = () => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
  };
  afterAll(() => {
    drop();
    server.close();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the proxy has no port');
  return {
    port: address.port,
    cut() {
      state = 'cut';
      drop();
    },
    stall() {
      state = 'stalled';
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    mend() {
      state = 'open';
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
  };
}

/** The same URL, by way of the proxy. */
export async function proxied(url: string): Promise<{ url: string; proxy: TcpProxy }> {
  const through = new URL(url);
  const proxy = await tcpProxy({
    host: through.hostname.replace(/^\[|\]$/g, ''),
    port: Number(through.port || 5432),
  });
  through.hostname = '127.0.0.1';
  through.port = String(proxy.port);
  return { url: through.href, proxy };
}
