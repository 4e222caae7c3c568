/** The breakers of this process: the group that shares them, what stands in the database, and the history. */
import {
  type Answer,
  type Breaker,
  type BreakerGroup,
  type Change,
  createBreakerGroup,
  type Transition,
} from '../client/index.ts';
import type { Audit } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { Log } from '../platform/log.ts';
import type { SharedStore } from '../platform/redis/index.ts';
import { createBook, type Known, noSuchBreaker } from './book.ts';
import { createJournal, stateName } from './journal.ts';
import { createRedisBreakers } from './redis-store.ts';

export type LiveBreakers = ReturnType<typeof createLive>;

export function createLive(deps: {
  db: Db;
  clock: Clock;
  log: Log;
  audit: Audit;
  bus: Bus;
  store: SharedStore;
  replica: string;
  onTransition?: (transition: Transition) => void;
}) {
  const { db, clock, log, bus, store, replica } = deps;
  const now = () => clock.monotonicMs();
  const book = createBook(deps);
  const journal = createJournal(deps);
  /** Who asked for the change that is under way, by breaker. */
  const reasons = new Map<string, { actor: string; detail: string }>();
  /** The last of those, by breaker: they go one after the other, so that each has its own author in the history. */
  const turns = new Map<string, Promise<unknown>>();
  const changed = (name: string) => bus.publish({ topic: 'breakers', type: 'changed', id: name });
  const onTransition = (transition: Transition) => {
    const asked = transition.cause === 'operator' || transition.cause === 'alert';
    const why = asked ? reasons.get(transition.name) : undefined;
    journal
      .add(transition, why)
      .catch((err) => log.warn({ err }, 'a change of a breaker was not written'));
    changed(transition.name);
    deps.onTransition?.(transition);
    log.info({ breaker: transition.name, ...transition }, 'breaker changed');
  };
  const shared = store.status().state === 'off' ? null : createRedisBreakers(store, onTransition);
  const group: BreakerGroup = createBreakerGroup({
    replica,
    store: shared,
    available: () => store.client() !== null,
    now,
    onTransition,
    onAway(away, err) {
      log.warn(
        { away, err },
        away ? 'breakers go on in this process' : 'breakers are shared again',
      );
      bus.publish({ topic: 'breakers', type: 'sharing' });
    },
  });

  const known = async (name: string): Promise<Known> => {
    const found = await book.find(name);
    if (!found) throw noSuchBreaker(name);
    return found;
  };
  const liveOf = ({ name, policy }: Known): Breaker => {
    const breaker = group.get(name, policy);
    if (breaker.policy !== policy) breaker.setPolicy(policy);
    return breaker;
  };
  const open = async (name: string): Promise<Breaker> =>
    group.find(name) ?? liveOf(await known(name));
  const stateOf = (breaker: Breaker) => stateName(breaker.machine(now()), breaker.forced);
  /** Changes the state on somebody's word; `why` goes into the history. */
  const change = (
    breaker: Breaker,
    asked: Change,
    why: { actor: string; detail: string },
  ): Promise<Answer> => {
    const { name } = breaker;
    const turn = (turns.get(name) ?? Promise.resolve()).then(async () => {
      reasons.set(name, why);
      try {
        return await group.change(breaker, asked);
      } finally {
        reasons.delete(name);
      }
    });
    const over: Promise<unknown> = turn
      .catch(() => undefined)
      .finally(() => {
        if (turns.get(name) === over) turns.delete(name);
      });
    turns.set(name, over);
    return turn;
  };
  /** Brings the live state in line with what is held in the database. */
  const settleHolds = async (): Promise<void> => {
    const held = new Map((await book.held()).map((each) => [each.name, each]));
    for (const each of held.values()) {
      const breaker = liveOf(each);
      const { hold } = each;
      if (!hold || breaker.forced === hold.state) continue;
      await group.refresh([breaker]);
      if (breaker.forced === hold.state) continue;
      const why = { actor: hold.by, detail: hold.reason };
      await change(breaker, { kind: 'force', mode: hold.state }, why);
    }
    for (const breaker of group.all()) {
      if (breaker.forced === null || held.has(breaker.name)) continue;
      const row = await book.read(db.prisma, breaker.name);
      if (row?.hold) continue;
      const why = { actor: 'console', detail: 'Nobody holds it any more.' };
      await change(breaker, { kind: 'force', mode: 'auto' }, why);
    }
  };

  return {
    now,
    replica,
    group,
    book,
    journal,
    /** Through Redis, with the other replicas. */
    isShared: () => shared !== null && !group.status().away,
    sharing: (): 'redis' | 'process' | 'away' => {
      if (shared === null) return 'process';
      return group.status().away ? 'away' : 'redis';
    },
    changed,
    known,
    liveOf,
    open,
    stateOf,
    change,
    settleHolds,
  };
}
