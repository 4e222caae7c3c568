/**
 * Is the console itself online? A prober without a network would call everything down; it must call nothing down.
 *
 * With `WHEELHOUSE_CONNECTIVITY_TARGETS`: offline when none of these ports accepts a connection. Without: offline
 * when no network interface but loopback has an address, or when in the last minute nothing at all arrived from
 * five different hosts or more (no answer, no refusal, no name). Loopback targets are never excused.
 */
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';

export type Online = {
  /** What the check of `host` says of the network: `arrived` is any answer, a refusal too. */
  note(host: string, arrived: boolean, at: number): void;
  /** Whether a failure of `host` says nothing, because nothing can be reached from here. */
  isOffline(host: string, now: number): Promise<boolean>;
};

const WINDOW_MS = 60_000;
const MIN_HOSTS = 5;
const MAX_HOSTS = 10_000;
const PROBE_TIMEOUT_MS = 2_000;
const PROBE_EVERY_MS = 5_000;

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || host === '::1' || /^127\./.test(host);

/** From the last result of each host: whether nothing arrives from anywhere. Pure. */
export function nothingArrives(
  hosts: ReadonlyMap<string, { arrived: boolean; at: number }>,
  now: number,
): boolean {
  let seen = 0;
  for (const { arrived, at } of hosts.values()) {
    if (now - at > WINDOW_MS) continue;
    if (arrived) return false;
    seen += 1;
  }
  return seen >= MIN_HOSTS;
}

export function createOnline(targets: readonly string[] | undefined): Online {
  const hosts = new Map<string, { arrived: boolean; at: number }>();
  let probed = { at: Number.NEGATIVE_INFINITY, answer: Promise.resolve(true) };
  const probe = async (): Promise<boolean> => {
    const answers = await Promise.all((targets ?? []).map(accepts));
    return answers.some(Boolean);
  };
  return {
    note(host, arrived, at) {
      if (isLoopback(host)) return;
      if (hosts.size >= MAX_HOSTS && !hosts.has(host)) hosts.clear();
      hosts.set(host, { arrived, at });
    },
    async isOffline(host, now) {
      if (isLoopback(host)) return false;
      if (targets && targets.length > 0) {
        if (now - probed.at > PROBE_EVERY_MS) probed = { at: now, answer: probe() };
        return !(await probed.answer);
      }
      const outside = Object.values(networkInterfaces())
        .flat()
        .some((entry) => entry && !entry.internal);
      return !outside || nothingArrives(hosts, now);
    },
  };
}

function accepts(target: string): Promise<boolean> {
  const at = target.lastIndexOf(':');
  const host = target.slice(0, at).replace(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(target.slice(at + 1)) });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
