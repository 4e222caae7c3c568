/** What PostgreSQL knows of breakers: names, policies, and who holds them. */
import type { Audit, Authority } from '../platform/audit.ts';
import { createBriefCache } from '../platform/brief-cache.ts';
import type { Clock } from '../platform/clock.ts';
import { type Db, likeLiteral, Prisma, type Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import {
  type BreakerPolicy,
  defaultPolicy,
  MAX_BREAKERS,
  matchersSchema,
  policySchema,
} from './contract.ts';

const columns = {
  id: true,
  name: true,
  description: true,
  policy: true,
  matchers: true,
  builtIn: true,
  forced: true,
  forcedKind: true,
  forcedBy: true,
  forcedReason: true,
  forcedAt: true,
  updatedAt: true,
} as const;
type Row = Prisma.BreakerGetPayload<{ select: typeof columns }>;
export type Hold = {
  state: 'open' | 'closed';
  kind: 'operator' | 'alert';
  by: string;
  reason: string;
  at: string;
};
export type Known = {
  id: string;
  name: string;
  description: string;
  policy: BreakerPolicy;
  matchers: Record<string, string> | null;
  builtIn: boolean;
  hold: Hold | null;
  updatedAt: string;
};
export const noSuchBreaker = (name: string) =>
  new AppError('NOT_FOUND', `There is no breaker ${name}. breakers.upsert makes one.`);

export function knownOf(row: Row): Known {
  const { id, name, description, builtIn, forced } = row;
  return {
    id,
    name,
    description,
    builtIn,
    policy: policySchema.parse(row.policy),
    matchers: row.matchers === null ? null : matchersSchema.parse(row.matchers),
    hold:
      forced === null
        ? null
        : {
            state: forced === 'open' ? 'open' : 'closed',
            kind: row.forcedKind === 'alert' ? 'alert' : 'operator',
            by: row.forcedBy ?? '',
            reason: row.forcedReason ?? '',
            at: (row.forcedAt ?? row.updatedAt).toISOString(),
          },
    updatedAt: row.updatedAt.toISOString(),
  };
}

type New = {
  name: string;
  description?: string | undefined;
  policy?: BreakerPolicy | undefined;
  matchers?: Record<string, string> | null | undefined;
  builtIn?: boolean;
};
/** Of one transaction; each leaves a line in the audit log. */
const MAKE_BATCH = 50;
/** Callers that wait until theirs are made. */
const MAX_MAKERS = 20;

export type Book = ReturnType<typeof createBook>;

export function createBook(deps: { db: Db; clock: Clock; audit: Audit }) {
  const { db, clock, audit } = deps;
  const cache = createBriefCache<Known | null>({ ttlMs: 30_000, max: 20_000, clock });
  const read = async (tx: Tx, name: string): Promise<Known | null> => {
    const row = await tx.breaker.findUnique({ where: { name }, select: columns });
    return row ? knownOf(row) : null;
  };
  /** Answers the names of those that were not there before. */
  const createAll = async (tx: Tx, made: readonly New[], by: string): Promise<Set<string>> => {
    const now = clock.now();
    const rows = await tx.breaker.createManyAndReturn({
      data: made.map((input) => ({
        id: newId(now),
        name: input.name,
        description: input.description ?? '',
        policy: input.policy ?? defaultPolicy,
        matchers: input.matchers ?? Prisma.DbNull,
        builtIn: input.builtIn ?? false,
        createdAt: now,
        createdBy: by,
        updatedAt: now,
      })),
      skipDuplicates: true,
      select: { name: true },
    });
    if (rows.length > 0 && (await tx.breaker.count()) > MAX_BREAKERS) {
      throw new AppError('CONFLICT', `There are ${MAX_BREAKERS} breakers already.`);
    }
    return new Set(rows.map(({ name }) => name));
  };
  const readAll = async (tx: Tx, names: readonly string[]): Promise<Map<string, Known>> => {
    const where = { name: { in: [...names] } };
    const rows = await tx.breaker.findMany({ where, select: columns });
    return new Map(rows.map((row) => [row.name, knownOf(row)]));
  };
  /** One at a time: programs that bring many names at once leave the connections to others. */
  let turn: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    if (waiting >= MAX_MAKERS) {
      const text = 'Many breakers are made at the moment. Try again shortly.';
      return Promise.reject(new AppError('SERVICE_UNAVAILABLE', text));
    }
    waiting++;
    const mine = turn.then(work).finally(() => waiting--);
    turn = mine.catch(() => undefined);
    return mine;
  };
  const makeAll = async (authority: Authority, missing: readonly New[]): Promise<void> => {
    for (let from = 0; from < missing.length; from += MAKE_BATCH) {
      const some = missing.slice(from, from + MAKE_BATCH);
      const names = some.map(({ name }) => name);
      await db.tx(async (tx) => {
        const made = await createAll(tx, some, authority.actor.name);
        if (made.size === 0) return;
        for (const row of (await readAll(tx, [...made])).values()) {
          await audit.append(tx, authority, {
            action: 'breakers.create',
            target: { kind: 'breaker', id: row.id, name: row.name },
            after: { policy: row.policy, builtIn: row.builtIn },
          });
        }
      });
      for (const name of names) cache.drop(name);
    }
  };
  /** Of the cache, and all others with one look. */
  const findAll = async (names: readonly string[]): Promise<Map<string, Known>> => {
    let looked: Promise<Map<string, Known>> | undefined;
    const look = async (name: string) => {
      looked ??= readAll(db.prisma, names);
      return (await looked).get(name) ?? null;
    };
    const found = new Map<string, Known>();
    for (const row of await Promise.all(names.map((name) => cache.get(name, () => look(name))))) {
      if (row) found.set(row.name, row);
    }
    return found;
  };

  return {
    /** Remembered for a while; what is changed on any replica is dropped (`drop`). */
    find: (name: string) => cache.get(name, () => read(db.prisma, name)),
    drop: (name: string) => cache.drop(name),
    read,
    create: async (tx: Tx, input: New & { by: string }): Promise<boolean> =>
      (await createAll(tx, [input], input.by)).size > 0,
    /** Makes what is not there; for programs that bring their own breakers. */
    async ensure(authority: Authority, wanted: readonly New[]): Promise<Map<string, Known>> {
      const names = [...new Set(wanted.map(({ name }) => name))];
      const found = await findAll(names);
      const missing = new Map(
        wanted.filter(({ name }) => !found.has(name)).map((each) => [each.name, each]),
      );
      if (missing.size === 0) return found;
      await inTurn(() => makeAll(authority, [...missing.values()]));
      return findAll(names);
    },
    async list(input: {
      limit: number;
      cursor?: string | null | undefined;
      search?: string | undefined;
      names?: readonly string[];
    }): Promise<{ items: Known[]; nextCursor: string | null }> {
      const { limit, cursor, search, names } = input;
      const rows = await db.prisma.breaker.findMany({
        where: {
          name: {
            ...(cursor ? { gt: cursor } : {}),
            ...(names ? { in: [...names] } : {}),
            ...(search ? { contains: likeLiteral(search), mode: 'insensitive' as const } : {}),
          },
        },
        orderBy: { name: 'asc' },
        take: limit + 1,
        select: columns,
      });
      const items = rows.slice(0, limit).map(knownOf);
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.name ?? null) : null };
    },
    /** What is absent stays. */
    async write(
      tx: Tx,
      id: string,
      fields: {
        description?: string | undefined;
        policy?: BreakerPolicy | undefined;
        matchers?: Record<string, string> | null | undefined;
      },
    ): Promise<void> {
      const { description, policy, matchers } = fields;
      await tx.breaker.update({
        where: { id },
        data: {
          ...(description === undefined ? {} : { description }),
          ...(policy === undefined ? {} : { policy }),
          ...(matchers === undefined ? {} : { matchers: matchers ?? Prisma.DbNull }),
          updatedAt: clock.now(),
        },
        select: { id: true },
      });
    },
    async held(): Promise<Known[]> {
      const rows = await db.prisma.breaker.findMany({
        where: { forced: { not: null } },
        select: columns,
        take: MAX_BREAKERS,
      });
      return rows.map(knownOf);
    },
    count: () => db.prisma.breaker.count(),
    async hold(tx: Tx, id: string, hold: Omit<Hold, 'at'> | null): Promise<void> {
      const now = clock.now();
      await tx.breaker.update({
        where: { id },
        data: {
          forced: hold?.state ?? null,
          forcedKind: hold?.kind ?? null,
          forcedBy: hold?.by ?? null,
          forcedReason: hold?.reason ?? null,
          forcedAt: hold ? now : null,
          updatedAt: now,
        },
        select: { id: true },
      });
    },
  };
}
