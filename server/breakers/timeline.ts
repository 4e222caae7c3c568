/**
 * Replays a time line of events on breakers of several replicas and one shared store, on a virtual clock. The same
 * machine as in production, each exchange done at once. Pure.
 *
 * Wall clocks appear in the format (`clock`), and decide nothing: every time here is the virtual one.
 */
import { z } from 'zod';
import {
  ASK,
  Breaker,
  type BreakerPolicy,
  BreakerRecords,
  type Change,
  defaultPolicy,
  type Effect,
  packBuckets,
  policyFaults,
  REJECTED,
} from '../client/index.ts';

const at = { t: z.number().min(0), replica: z.string().min(1).max(100).default('A') };
const callOutcome = z.enum(['success', 'failure', 'timeout', 'ignored']);
const count = z.number().int().min(1).max(1_000_000);
const eventSchema = z.discriminatedUnion('op', [
  z.object({ ...at, op: z.literal('call'), id: z.string() }),
  z.object({
    ...at,
    op: z.literal('done'),
    id: z.string(),
    outcome: callOutcome,
    durationMs: z.number().min(0).optional(),
  }),
  z.object({
    ...at,
    op: z.literal('burst'),
    n: count,
    outcome: callOutcome,
    everyMs: z.number().min(0).default(0),
    durationMs: z.number().min(0).optional(),
  }),
  z.object({ ...at, op: z.literal('force'), mode: z.enum(['open', 'closed', 'auto']) }),
  z.object({ ...at, op: z.literal('trip'), source: z.string().optional() }),
  z.object({ ...at, op: z.literal('state') }),
  z.object({ ...at, op: z.literal('clock'), skewMs: z.number() }),
  z.object({ ...at, op: z.literal('store'), state: z.enum(['up', 'down']) }),
  z.object({ ...at, op: z.literal('sync') }),
]);
const number = z.number();
export const timelineSchema = z.object({
  format: z.literal('breaker-case/1').default('breaker-case/1'),
  config: z
    .object({
      windowMs: number,
      bucketMs: number,
      minimumCalls: number,
      failureThreshold: number,
      openMs: number,
      halfOpenProbes: number,
      probeLeaseMs: number,
      slowCallMs: number.nullable(),
      slowCallThreshold: number,
    })
    .partial()
    .strict()
    .default({})
    .transform((given): BreakerPolicy => ({ ...defaultPolicy, ...defined(given) }))
    .superRefine((policy, context) => {
      for (const { path, message } of policyFaults(policy)) {
        context.addIssue({ code: 'custom', path: [path], message });
      }
    }),
  replicas: z.array(z.string().min(1).max(100)).min(1).max(100).default(['A']),
  events: z.array(eventSchema).max(100_000),
});
export type Timeline = z.infer<typeof timelineSchema>;
type TimelineEvent = Timeline['events'][number];
export type TimelineResult = {
  state: 'CLOSED' | 'OPEN' | 'HALF_OPEN';
  result?: 'admit' | 'reject' | 'mixed';
};

const defined = (given: object): object =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));

type Replica = {
  name: string;
  breaker: Breaker;
  /** Its own store while the shared one is away, and the generation that it last shared. */
  alone: { records: BreakerRecords; base: number } | null;
  calls: Map<string, { token: number; at: number }>;
};
const NAME = 'breaker';

export function replay(timeline: Timeline): TimelineResult[] {
  const { config: policy } = timeline;
  const shared = new BreakerRecords();
  // The rules know no quorum: what one replica sees is seen by all.
  const make = (name: string): Replica => ({
    name,
    breaker: new Breaker(NAME, policy, { quorum: false }),
    alone: null,
    calls: new Map(),
  });
  const replicas = new Map(timeline.replicas.map((name) => [name, make(name)]));
  let up = true;
  const storeOf = (replica: Replica) => replica.alone?.records ?? shared;

  const perform = (replica: Replica, effect: Effect | null, now: number) => {
    if (!effect) return;
    const store = storeOf(replica);
    const answer =
      effect.kind === 'settle'
        ? store.settle(now, NAME, policy, effect.probe)
        : store.change(now, NAME, policy, effect.change);
    replica.breaker.adopt(answer, now);
  };
  const exchange = (replica: Replica, now: number) => {
    const { breaker } = replica;
    // Only what is new is told: an outcome opens a breaker, the mere passing of time does not.
    const window = breaker.dirty ? packBuckets(breaker.buckets(now)) : null;
    breaker.dirty = false;
    const offer = { name: NAME, policy, generation: breaker.generation, window };
    const answer = storeOf(replica).exchange(now, replica.name, offer);
    perform(replica, breaker.adopt(answer, now), now);
  };
  const exchangeAll = (now: number) => {
    // Twice: what the first round brought about is known to all after the second.
    for (let round = 0; round < 2; round++) {
      for (const replica of replicas.values()) exchange(replica, now);
    }
  };
  const admit = (replica: Replica, now: number): number => {
    const { breaker } = replica;
    exchange(replica, now);
    const token = breaker.admit(now);
    if (token !== ASK) return token;
    const { answer, probe } = storeOf(replica).acquire(now, NAME, policy);
    breaker.adopt(answer, now);
    return breaker.granted(probe, now);
  };
  const record = (
    replica: Replica,
    call: { token: number; at: number },
    end: { outcome: z.infer<typeof callOutcome>; durationMs?: number | undefined },
    now: number,
  ) => {
    const took = end.durationMs ?? now - call.at;
    replica.breaker.dirty = true;
    perform(replica, replica.breaker.record(call.token, end.outcome, took, now), now);
  };
  const ask = (replica: Replica, asked: Change, now: number) =>
    replica.breaker.adopt(storeOf(replica).change(now, NAME, policy, asked), now);

  const storeGoes = (now: number) => {
    up = false;
    for (const replica of replicas.values()) {
      const records = new BreakerRecords();
      records.seed(now, replica.breaker.answer(now));
      replica.alone = { records, base: replica.breaker.generation };
      replica.breaker.forget();
    }
  };
  const storeComes = (now: number) => {
    up = true;
    for (const replica of replicas.values()) {
      if (!replica.alone) continue;
      const { records, base } = replica.alone;
      replica.alone = null;
      const brought = { ...records.peek(now, NAME, policy), policy, base };
      replica.breaker.adopt(shared.rejoin(now, brought), now, { anyway: true });
    }
  };

  const act = (replica: Replica, event: TimelineEvent, now: number): TimelineResult['result'] => {
    switch (event.op) {
      case 'call': {
        const token = admit(replica, now);
        if (token !== REJECTED) replica.calls.set(event.id, { token, at: now });
        return token === REJECTED ? 'reject' : 'admit';
      }
      case 'done': {
        const call = replica.calls.get(event.id);
        replica.calls.delete(event.id);
        if (call) record(replica, call, event, now);
        return undefined;
      }
      case 'burst': {
        let admitted = 0;
        for (let n = 0; n < event.n; n++) {
          const then = now + n * event.everyMs;
          const token = admit(replica, then);
          if (token === REJECTED) continue;
          admitted++;
          record(replica, { token, at: then }, event, then);
        }
        return admitted === event.n ? 'admit' : admitted === 0 ? 'reject' : 'mixed';
      }
      case 'force':
        ask(replica, { kind: 'force', mode: event.mode }, now);
        return undefined;
      case 'trip':
        ask(replica, { kind: 'trip' }, now);
        return undefined;
      case 'store':
        if (event.state === 'down' && up) storeGoes(now);
        if (event.state === 'up' && !up) storeComes(now);
        return undefined;
      case 'state':
      case 'clock':
      case 'sync':
        return undefined;
    }
  };

  let now = 0;
  return timeline.events.map((event) => {
    now = Math.max(now, event.t);
    const known = replicas.get(event.replica);
    const replica = known ?? make(event.replica);
    if (!known) replicas.set(event.replica, replica);
    exchangeAll(now);
    const result = act(replica, event, now);
    if (event.op === 'burst') now += (event.n - 1) * event.everyMs;
    exchangeAll(now);
    const machine = replica.breaker.machine(now);
    const state = machine === 'half_open' ? 'HALF_OPEN' : machine === 'open' ? 'OPEN' : 'CLOSED';
    return result === undefined ? { state } : { state, result };
  });
}
