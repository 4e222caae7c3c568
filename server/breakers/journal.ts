/** Changes of state on their way into the database. Kept in memory while that is away, up to a bound. */
import type { Forced, Machine, Transition } from '../client/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { isUnreachable } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import type { BreakerEventItem, BreakerStateName } from './contract.ts';

const MAX_WAITING = 10_000;
const BATCH = 500;
const KEEP_DAYS = 90;

export const stateName = (machine: Machine, forced: Forced | null): BreakerStateName =>
  forced === null ? machine : forced === 'open' ? 'forced_open' : 'forced_closed';

type Entry = {
  name: string;
  at: Date;
  generation: number;
  from: string;
  to: string;
  cause: string;
  actor: string | null;
  detail: string | null;
  replica: string;
};

export function createJournal(deps: { db: Db; clock: Clock; log: Log; replica: string }) {
  const { db, clock, log, replica } = deps;
  let waiting: Entry[] = [];
  let writing: Promise<void> | null = null;
  let dropped = 0;

  /** False when the database is away. What cannot be written by itself either is lost, and said to be. */
  const put = async (batch: readonly Entry[]): Promise<boolean> => {
    try {
      await db.prisma.breakerEvent.createMany({ data: [...batch] });
    } catch (err) {
      if (isUnreachable(err)) {
        log.warn({ err, waiting: waiting.length }, 'changes of breakers wait for the database');
        return false;
      }
      const [only, ...more] = batch;
      if (more.length === 0) log.error({ err, ...only }, 'a change of a breaker cannot be written');
      else for (const entry of batch) if (!(await put([entry]))) return false;
    }
    return true;
  };
  const drain = async () => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH);
      if (!(await put(batch))) return;
      waiting = waiting.slice(batch.length);
    }
    if (dropped > 0)
      log.error({ dropped }, 'changes of breakers were lost while the database was away');
    dropped = 0;
  };
  const write = (): Promise<void> => {
    writing ??= drain().finally(() => {
      writing = null;
    });
    return writing;
  };
  return {
    add(transition: Transition, why: { actor: string | null; detail: string | null } | undefined) {
      if (waiting.length >= MAX_WAITING) {
        // The newest: those before it may be under way already.
        dropped += 1;
        return write();
      }
      const { name, generation, from, to, forced, cause, agoMs } = transition;
      waiting.push({
        name,
        at: new Date(clock.now().getTime() - agoMs),
        generation,
        from,
        to: stateName(to, forced),
        cause,
        actor: why?.actor ?? null,
        detail: why?.detail ?? null,
        replica,
      });
      return write();
    },
    write,
    async list(input: { name: string; limit: number; cursor?: string | null | undefined }) {
      const before = input.cursor && /^\d{1,18}$/.test(input.cursor) ? BigInt(input.cursor) : null;
      const rows = await db.prisma.breakerEvent.findMany({
        where: { name: input.name, ...(before === null ? {} : { id: { lt: before } }) },
        orderBy: { id: 'desc' },
        take: input.limit + 1,
      });
      const items = rows.slice(0, input.limit).map(
        ({ id, at, from, to, ...rest }): BreakerEventItem => ({
          generation: rest.generation,
          cause: rest.cause,
          actor: rest.actor,
          detail: rest.detail,
          replica: rest.replica,
          id: String(id),
          at: at.toISOString(),
          // Written above from the same words.
          from: from as BreakerStateName,
          to: to as BreakerStateName,
        }),
      );
      const more = rows.length > input.limit;
      return { items, nextCursor: more ? (items.at(-1)?.id ?? null) : null };
    },
    /** Names whose last change of the past week did not close them. */
    async unwell(): Promise<string[]> {
      const { rows } = await db.pool.query<{ name: string }>(
        `SELECT name FROM (
           SELECT DISTINCT ON (name) name, to_state FROM breaker_events
           WHERE at > $1 ORDER BY name, id DESC) AS last
         WHERE to_state <> 'closed' LIMIT 10000`,
        [new Date(clock.now().getTime() - 7 * 86_400_000)],
      );
      return rows.map(({ name }) => name);
    },
    async purge(now: Date): Promise<number> {
      const before = new Date(now.getTime() - KEEP_DAYS * 86_400_000);
      const { count } = await db.prisma.breakerEvent.deleteMany({ where: { at: { lt: before } } });
      return count;
    },
  };
}
