/**
 * The client for programs: guards their calls with breakers that all share through the console, and goes on deciding by
 * itself while that is away. Runs on any Node from 20 on and depends on nothing.
 */
import { hostname } from 'node:os';
import { type BreakerPolicy, defaultPolicy, policyFaults } from './contract.ts';
import { createBreakerGroup } from './group.ts';
import { createGuard, type Guard, type GuardOptions } from './guard.ts';
import { type Call, createHttpBreakers } from './http-store.ts';

export type BreakerClient = {
  /** A guard for calls to `name`. The policy is used when the console has none of that name yet. */
  guard(name: string, options?: GuardOptions & { policy?: Partial<BreakerPolicy> }): Guard;
  /** Whether the console answers; while it does not, this program decides alone. */
  status(): { away: boolean; breakers: number };
  /** Sends what was counted, and ends. */
  close(): Promise<void>;
};

const TIMEOUT_MS = 2_000;

/** `key` needs the role operator. `name` tells this program from others in the console. */
export function createBreakerClient(options: {
  /** Origin of the console. */
  url: string;
  key: string;
  name?: string;
  /** How often outcomes are sent while there are some; how often news are fetched. */
  flushMs?: number;
  pollMs?: number;
  timeoutMs?: number;
  onAway?: (away: boolean, error: unknown) => void;
}): BreakerClient {
  const { key, timeoutMs = TIMEOUT_MS } = options;
  const replica = (options.name ?? `${hostname()}:${process.pid}`).slice(0, 100);
  const now = () => performance.now();
  const call: Call = async (procedure, input) => {
    const answer = await fetch(new URL(`/api/trpc/${procedure}`, options.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(input),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body: unknown = await answer.json();
    const { result, error } = Object(body);
    if (!answer.ok) throw new Error(`${procedure}: ${error?.message ?? `status ${answer.status}`}`);
    return result?.data;
  };
  const group = createBreakerGroup({
    replica,
    now,
    store: createHttpBreakers(call, {
      replica,
      onPolicy(name, policy) {
        const breaker = group.find(name);
        if (breaker && JSON.stringify(breaker.policy) !== JSON.stringify(policy)) {
          breaker.setPolicy(policy);
        }
      },
    }),
    flushMs: options.flushMs ?? 500,
    pollMs: options.pollMs ?? 1_000,
    askTimeoutMs: timeoutMs,
    ...(options.onAway ? { onAway: options.onAway } : {}),
  });
  return {
    guard(name, { policy: given, ...rest } = {}) {
      const policy = { ...defaultPolicy, ...given };
      const [fault] = policyFaults(policy);
      if (fault) throw new TypeError(`${name}: policy.${fault.path}: ${fault.message}`);
      return createGuard(group, group.get(name, policy), now, rest);
    },
    status: () => ({ away: group.status().away, breakers: group.status().breakers }),
    close: group.close,
  };
}
