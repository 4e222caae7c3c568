/** Faults that a service puts into itself. Each is what it says: memory really grows, answers really do not come. */
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_LATENCY_MS, type InnerFault } from './catalog.ts';

const LEAK_MAX_BYTES = 150 * 1024 * 1024;
const LEAK_STEP_BYTES = 10 * 1024 * 1024;
const LEAK_EVERY_MS = 250;
/** So much more than at the start, and the service calls itself unwell. */
const MEMORY_ALLOWANCE_BYTES = 100 * 1024 * 1024;
const MAX_HELD = 200;

export type Faults = {
  current(): InnerFault;
  set(fault: InnerFault, latencyMs?: number): void;
  /** Does to an answer what the fault does; false when nothing is left to be answered. */
  pass(response: ServerResponse): Promise<boolean>;
  /** A sentence when the service has outgrown its memory, else null. */
  memoryFault(): string | null;
  /** Waits as the service itself would have to, for work that no request asked for; false: do not work. */
  allowsWork(): Promise<boolean>;
};

export function createFaults(): Faults {
  const baseline = process.memoryUsage.rss();
  const held = new Set<ServerResponse>();
  let fault: InnerFault = 'none';
  let latencyMs = DEFAULT_LATENCY_MS;
  let leaked: Buffer[] = [];
  let leaking: NodeJS.Timeout | undefined;

  const leak = () => {
    // Filled, because untouched pages are not memory yet.
    leaked.push(Buffer.alloc(LEAK_STEP_BYTES, 1));
    if (leaked.length * LEAK_STEP_BYTES >= LEAK_MAX_BYTES) clearInterval(leaking);
  };
  const hold = (response: ServerResponse) => {
    const [oldest] = held;
    if (held.size >= MAX_HELD && oldest) oldest.destroy();
    held.add(response);
    response.once('close', () => held.delete(response));
  };
  return {
    current: () => fault,
    set(next, ms = DEFAULT_LATENCY_MS) {
      clearInterval(leaking);
      fault = next;
      latencyMs = ms;
      if (next === 'leak') leaking = setInterval(leak, LEAK_EVERY_MS);
      else leaked = [];
      if (next !== 'hang') for (const response of held) response.destroy();
    },
    async pass(response) {
      if (fault === 'hang') {
        hold(response);
        return false;
      }
      if (fault === 'latency') await delay(latencyMs);
      if (fault === 'errors') {
        response.writeHead(500, { 'content-type': 'application/json' }).end('{"status":"error"}');
        return false;
      }
      if (fault === 'body') {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"lost"}');
        return false;
      }
      return !response.destroyed;
    },
    memoryFault() {
      const grown = process.memoryUsage.rss() - baseline;
      return grown > MEMORY_ALLOWANCE_BYTES
        ? `memory has grown by ${Math.round(grown / 1024 / 1024)} MiB since the start`
        : null;
    },
    async allowsWork() {
      if (fault === 'latency') await delay(latencyMs);
      return fault !== 'hang';
    },
  };
}
