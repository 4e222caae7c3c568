/** What programs ask: permits and their outcomes, and the exchange with the client in `server/client`. */
import { LRUCache } from 'lru-cache';
import { REJECTED, unpackBuckets } from '../client/index.ts';
import type { Authority } from '../platform/audit.ts';
import type { Clock } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import type { SharedStore } from '../platform/redis/index.ts';
import type { Secrets } from '../platform/secrets.ts';
import { noSuchBreaker } from './book.ts';
import type * as contract from './contract.ts';
import { defaultPolicy } from './contract.ts';
import type { LiveBreakers } from './live.ts';
import type { Outcomes } from './outcomes.ts';
import { createClaims, createPermits, PERMIT_SECONDS } from './permits.ts';

const CLIENT = 'client:';
const MAX_TOLD = 50_000;

export function createCallers(deps: {
  clock: Clock;
  store: SharedStore;
  secrets: Secrets;
  live: LiveBreakers;
  outcomes: Outcomes;
  /** Console processes on this database. */
  replicas: () => number;
}) {
  const { clock, store, live, outcomes } = deps;
  const { group, book, replica, now, open, stateOf, known, liveOf } = live;
  const permits = createPermits(deps.secrets.derive('breaker-permits'));
  const claim = createClaims();
  /** Calls that programs turned away, by breaker; and what each told last. */
  const turnedAway = new Map<string, number>();
  const told = new LRUCache<string, number>({ max: MAX_TOLD });
  const countRejected = (source: string, name: string, rejected: number) => {
    const key = `${source}\0${name}`;
    const before = told.get(key) ?? 0;
    told.set(key, rejected);
    // Less than before: the program was started anew.
    const more = rejected >= before ? rejected - before : rejected;
    if (more > 0) turnedAway.set(name, (turnedAway.get(name) ?? 0) + more);
  };
  /** Whether a permit was recorded for the first time, here or on any replica. */
  const first = async (nonce: string): Promise<boolean> => {
    if (!claim(nonce)) return false;
    if (deps.replicas() < 2) return true;
    return store.setIfAbsent(`wheelhouse:permit:${nonce}`, replica, {
      ttlMs: PERMIT_SECONDS * 1000,
    });
  };

  return {
    /** Calls to a breaker that programs turned away by themselves. */
    turnedAway: (name: string): number => turnedAway.get(name) ?? 0,

    /** `retryAfterMs` is null while the breaker is held open. */
    async permit(name: string): Promise<contract.PermitResult> {
      const breaker = await open(name);
      const token = await group.admit(breaker);
      const state = stateOf(breaker);
      if (token === REJECTED) {
        const wait = breaker.retryAfterMs(now());
        // Trial calls are under way: how they end is known soon.
        const retryAfterMs = wait === 0 ? 1_000 : wait === null ? null : Math.ceil(wait);
        return { allowed: false, state, permit: null, retryAfterMs };
      }
      const slot = breaker.probeOf(token);
      const permit = permits.write(name, {
        instance: replica,
        generation: slot?.generation ?? breaker.generation,
        token,
        slot: slot?.slot ?? null,
        at: Math.floor(clock.now().getTime() / 1000),
      });
      return { allowed: true, state, permit, retryAfterMs: 0 };
    },

    /** `counted` is false for what is late, doubled, or was never allowed. */
    async record(
      input: RecordInput,
    ): Promise<{ state: contract.BreakerStateName; counted: boolean }> {
      const { name, outcome, durationMs } = input;
      const breaker = await open(name);
      const not = () => ({ state: stateOf(breaker), counted: false });
      if (input.permit === null) return not();
      const permit = permits.read(name, input.permit);
      if (!permit) {
        throw new AppError('BAD_REQUEST', 'This is no permit of this breaker.', {
          fields: [{ path: 'permit', message: `Not given by breakers.permit for ${name}` }],
        });
      }
      const age = clock.now().getTime() / 1000 - permit.at;
      if (age > PERMIT_SECONDS || !(await first(permit.nonce))) return not();
      const { generation, slot } = permit;
      if (permit.instance === replica) {
        const current = permit.token < 0 || breaker.generation === generation;
        group.record(breaker, permit.token, outcome, durationMs);
        return { state: stateOf(breaker), counted: current && outcome !== 'ignored' };
      }
      // Given by another replica; without a shared store its state is not ours.
      if (!live.isShared() || breaker.generation !== generation) return not();
      if (slot === null) {
        const token = breaker.admit(now());
        if (token <= 0) return not();
        group.record(breaker, token, outcome, durationMs);
      } else {
        const { slowCallMs } = breaker.policy;
        const slow = slowCallMs !== null && durationMs >= slowCallMs;
        const result =
          outcome === 'ignored'
            ? 'ignored'
            : outcome === 'success' && !slow
              ? 'success'
              : 'failure';
        await group.carry(breaker, {
          kind: 'settle',
          probe: { generation, slot, outcome: result },
        });
      }
      return { state: stateOf(breaker), counted: outcome !== 'ignored' };
    },

    /** For `server/client`: its outcomes, and what the console knows. */
    async sync(authority: Authority, input: SyncInput) {
      const source = CLIENT + input.replica;
      const found = await book.ensure(authority, input.offers);
      const rows = input.offers.map(({ policy: _, ...offer }) => {
        const row = found.get(offer.name);
        if (!row) throw noSuchBreaker(offer.name);
        const breaker = liveOf(row);
        countRejected(source, offer.name, offer.rejected ?? 0);
        if (offer.window !== null && offer.generation === breaker.generation) {
          const { bucketMs } = row.policy;
          outcomes.take(source, offer.name, bucketMs, unpackBuckets(offer.window));
        }
        return { offer: { ...offer, policy: row.policy }, policy: row.policy };
      });
      const at = group.store();
      const answers = await at.exchange(
        source,
        rows.map(({ offer }) => offer),
      );
      const news = input.since === undefined ? undefined : await at.changed(input.since);
      return {
        answers: answers.map((answer, n) => ({
          ...answer,
          policy: rows[n]?.policy ?? defaultPolicy,
        })),
        ...(news ? { version: news.version, names: news.names } : {}),
      };
    },
    async act(input: ActInput) {
      const { name, act } = input;
      const { policy } = await known(name);
      const at = group.store();
      switch (act.kind) {
        case 'acquire':
          return at.acquire(name, policy);
        case 'settle':
          return { answer: await at.settle(name, policy, act), probe: null };
        case 'open':
          return { answer: await at.change(name, policy, act), probe: null };
        case 'rejoin': {
          // What is held is the operator's to say.
          const brought = {
            ...act,
            name,
            policy,
            forced: null,
            cause: 'rejoined' as const,
            slots: [],
          };
          const [answer] = await at.rejoin([brought]);
          if (!answer) throw new AppError('INTERNAL_SERVER_ERROR', 'The store answered nothing.');
          return { answer, probe: null };
        }
      }
    },
  };
}

type RecordInput = import('zod').output<typeof contract.breakerRecordSchema>;
type SyncInput = import('zod').output<typeof contract.breakerSyncSchema>;
type ActInput = import('zod').output<typeof contract.breakerActSchema>;
