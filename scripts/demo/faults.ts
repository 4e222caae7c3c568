/** Faults that a service puts into itself. Each is what it says: memory really grows, answers really do not come. */
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_LATENCY_MS, type InnerFault } from './catalog.ts';

/** Slow enough that the memory guard sees a trend before the service calls itself unwell, which takes some 40 s. */
const LEAK_EVERY_MS = Number(process.env.DEMO_LEAK_EVERY_MS ?? 100);
const LEAK_STEP_RECORDS = 250;
const RECORD_BYTES = 1_000;
const LEAK_MAX_RECORDS = (150 * 1024 * 1024) / RECORD_BYTES;
/** So much more than at the start, and the service calls itself unwell. */
const MEMORY_ALLOWANCE_BYTES = 100 * 1024 * 1024;
const MAX_HELD = 200;

/** What leaks: a record of each visitor, and nobody removes any. */
class SessionRecord {
  readonly id: number;
  readonly token: string;
  constructor(id: number) {
    this.id = id;
    // Hexadecimal, so that it is one flat string on the heap and not two halves.
    this.token = randomBytes(RECORD_BYTES / 2 - 40).toString('hex');
  }
}

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
  let leaked: SessionRecord[] = [];
  let leaking: NodeJS.Timeout | undefined;

  function rememberSession(): void {
    leaked.push(new SessionRecord(leaked.length));
  }
  const leak = () => {
    for (let i = 0; i < LEAK_STEP_RECORDS; i++) rememberSession();
    if (leaked.length >= LEAK_MAX_RECORDS) clearInterval(leaking);
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
