/** Ports of the fleet: the same ones at every start, where they are free. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

export const SUPERVISOR_PORT = 4611;
// Below those that systems hand out to outgoing connections: a port whose service is dead stays free for it.
const FIRST_FREE = 20_000;
const LAST_FREE = 32_000;
const ATTEMPTS = 100;

/** `preferred` when nobody listens on it, else another one. */
export async function takePort(preferred: number | null, taken: Set<number>): Promise<number> {
  const candidates = preferred === null ? [] : [preferred];
  for (let i = 0; i < ATTEMPTS; i++) candidates.push(randomInt(FIRST_FREE, LAST_FREE));
  for (const port of candidates) {
    if (taken.has(port) || !(await isFree(port))) continue;
    taken.add(port);
    return port;
  }
  throw new Error('The demo fleet finds no free port.');
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
