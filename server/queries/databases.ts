/**
 * Databases that are watched: the console's own, which is there from the start, and those that an admin added. URLs are
 * sealed and never come back. Before one is kept, it is tried.
 */
import type { Page } from '../api/contract.ts';
import type { AddressGuard } from '../platform/addresses.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Prisma } from '../platform/db/index.ts';
import { uniqueName } from '../platform/db/unique-name.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { Secrets } from '../platform/secrets.ts';
import type { LookFacts } from './collect/collector.ts';
import {
  type CreateDatabaseInput,
  type DatabaseDetail,
  type DatabaseItem,
  type DatabaseTest,
  databaseProblems,
  MAX_DATABASES,
  type SetupCheck,
  type UpdateDatabaseInput,
} from './contract.ts';
import type { DatabaseIncidents } from './incident.ts';
import { type Trouble, troubleOf } from './problems.ts';
import { readSetup } from './setup.ts';
import type { Target, Targets } from './targets.ts';

const TEST_TIMEOUT_MS = 15_000;

const columns = {
  id: true,
  name: true,
  kind: true,
  sealed: true,
  sealedApply: true,
  slowMs: true,
  keepParameters: true,
  paused: true,
  state: true,
  problem: true,
  detail: true,
  failingSince: true,
  lastAt: true,
  relationsAt: true,
  facts: true,
  createdAt: true,
  createdBy: true,
  updatedAt: true,
} satisfies Prisma.QueryDatabaseSelect;
type Row = Prisma.QueryDatabaseGetPayload<{ select: typeof columns }>;

export type WatchedDatabase = {
  id: string;
  name: string;
  kind: 'own' | 'external';
  target: Target;
  /** Whether a role is known that may create indexes. */
  hasApply: boolean;
  slowMs: number;
  keepParameters: boolean;
  paused: boolean;
  lastAt: Date | null;
  failingSince: Date | null;
  /** Host, port and database. */
  place: string;
  /** Null when somebody asked for tables and indexes, or nobody looked yet. */
  relationsAt: Date | null;
};
export type Databases = {
  list(input: { limit: number; cursor?: string | null | undefined }): Promise<Page<DatabaseItem>>;
  get(id: string): Promise<DatabaseDetail>;
  create(authority: Authority, input: CreateDatabaseInput): Promise<{ id: string }>;
  update(authority: Authority, input: UpdateDatabaseInput): Promise<void>;
  remove(authority: Authority, id: string): Promise<void>;
  /** Connects and looks at the set-up; keeps nothing. Never throws for what the server does. */
  test(id: string, signal?: AbortSignal): Promise<DatabaseTest>;
  /** The same for a URL that is not kept yet. */
  tryUrl(url: string, signal?: AbortSignal): Promise<DatabaseTest>;
  /** For the rest of the module. Throws NOT_FOUND. */
  find(id: string): Promise<WatchedDatabase>;
  watched(ids: readonly string[]): Promise<WatchedDatabase[]>;
  /** All, at most `MAX_DATABASES`. */
  all(): Promise<WatchedDatabase[]>;
  /** With the role that may create indexes; null when there is none. */
  applyTarget(id: string): Promise<Target | null>;
};

const notFound = () => new AppError('NOT_FOUND', 'There is no such database.');
const field = (path: string, message: string, cause?: unknown) =>
  new AppError('BAD_REQUEST', `${path}: ${message}.`, {
    fields: [{ path, message }],
    ...(cause === undefined ? {} : { cause }),
  });

/** Where and as whom, without the password. */
export function placeOf(text: string): { host: string; database: string; user: string } {
  const url = URL.parse(text);
  const plain = (part: string) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  };
  return {
    host: url ? `${url.hostname || 'localhost'}:${url.port || 5432}` : '',
    database: plain(url?.pathname.slice(1) ?? ''),
    user: plain(url?.username ?? ''),
  };
}

export function createDatabases(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  secrets: Secrets;
  addresses: AddressGuard;
  targets: Targets;
  incidents: Pick<DatabaseIncidents, 'ended' | 'announce'>;
  /** Of the console's own database. */
  databaseUrl: string;
}): Databases {
  const { db, bus, audit, clock, secrets, targets } = deps;
  const contextOf = (id: string, what: 'url' | 'apply') => `query database ${id} ${what}`;
  const urlOf = (row: Pick<Row, 'id' | 'kind' | 'sealed'>): string =>
    row.kind === 'own' || row.sealed === null
      ? deps.databaseUrl
      : secrets.open(row.sealed, contextOf(row.id, 'url'));
  const applyUrlOf = (row: Pick<Row, 'id' | 'kind' | 'sealedApply'>): string | null => {
    if (row.kind === 'own') return deps.databaseUrl;
    return row.sealedApply === null
      ? null
      : secrets.open(row.sealedApply, contextOf(row.id, 'apply'));
  };
  const kindOf = ({ kind }: Pick<Row, 'kind'>) => (kind === 'own' ? 'own' : 'external');
  const factsOf = ({ facts }: Row): LookFacts =>
    // Written from this shape alone.
    (typeof facts === 'object' && facts !== null ? facts : {}) as LookFacts;
  const shown = (row: Row): DatabaseItem => {
    const facts = factsOf(row);
    const applyUrl = applyUrlOf(row);
    return {
      id: row.id,
      name: row.name,
      kind: kindOf(row),
      ...placeOf(urlOf(row)),
      applyUser: applyUrl === null ? null : placeOf(applyUrl).user,
      slowMs: row.slowMs,
      keepParameters: row.keepParameters,
      paused: row.paused,
      state: row.paused ? 'paused' : stateOf(row.state),
      problem: databaseProblems.find((one) => one === row.problem) ?? null,
      detail: row.detail,
      failingSince: row.failingSince?.toISOString() ?? null,
      lastAt: row.lastAt?.toISOString() ?? null,
      version: facts.version ?? null,
      entries: facts.entries ?? null,
      evictions: facts.evictions ?? null,
      lookServerMs: facts.serverMs ?? null,
      lookMs: facts.tookMs ?? null,
      sizeBytes: facts.sizeBytes ?? null,
      createdBy: row.createdBy,
      createdAt: row.createdAt.toISOString(),
      updatedAt: row.updatedAt.toISOString(),
    };
  };
  const watchedOf = (row: Row): WatchedDatabase => ({
    id: row.id,
    name: row.name,
    kind: kindOf(row),
    target: { id: row.id, url: urlOf(row), own: row.kind === 'own' },
    hasApply: row.kind === 'own' || row.sealedApply !== null,
    slowMs: row.slowMs,
    keepParameters: row.keepParameters,
    paused: row.paused,
    lastAt: row.lastAt,
    failingSince: row.failingSince,
    place: `${placeOf(urlOf(row)).host}/${placeOf(urlOf(row)).database}`,
    relationsAt: row.relationsAt,
  });
  const load = async (id: string): Promise<Row> => {
    const row = await db.prisma.queryDatabase.findUnique({ where: { id }, select: columns });
    if (!row) throw notFound();
    return row;
  };
  const assertReachable = (path: string, url: string) => {
    try {
      deps.addresses.refuseLiteral(URL.parse(url)?.hostname ?? '');
    } catch (cause) {
      throw field(path, 'Link-local and cloud metadata addresses are not accepted', cause);
    }
  };

  const trial = async (
    target: Target,
    options: { own: boolean; applies: boolean },
    given?: AbortSignal,
  ): Promise<DatabaseTest> => {
    const begun = clock.monotonicMs();
    const timeout = AbortSignal.timeout(TEST_TIMEOUT_MS);
    const signal = given ? AbortSignal.any([given, timeout]) : timeout;
    const took = () => Math.round((clock.monotonicMs() - begun) * 10) / 10;
    try {
      const session = await targets.open(target, { purpose: 'test', signal });
      try {
        const { version, checks } = await readSetup(session, options);
        const lacking = checks.filter(({ state }) => state === 'missing');
        return {
          ok: true,
          problem: null,
          detail:
            lacking.length === 0
              ? `PostgreSQL ${version} answers; nothing is missing.`
              : `PostgreSQL ${version} answers; ${lacking.length === 1 ? 'one thing is' : `${lacking.length} things are`} missing.`,
          tookMs: took(),
          version,
          setup: checks,
        };
      } finally {
        await session.close();
      }
    } catch (error) {
      given?.throwIfAborted();
      const { problem, detail } = troubleOf(error);
      return {
        ok: false,
        problem,
        detail,
        tookMs: took(),
        version: null,
        setup: lacksConnection({ problem, detail }, target.url),
      };
    }
  };
  /** Tries a URL that shall be kept. */
  const prove = async (path: 'url' | 'applyUrl', url: string) => {
    const { ok, detail } = await trial({ id: `new ${url}`, url }, { own: false, applies: true });
    if (!ok) throw field(path, detail.replace(/\.$/, ''));
  };
  const audited = (row: Row) => ({
    name: row.name,
    kind: row.kind,
    ...placeOf(urlOf(row)),
    applyUser: row.sealedApply === null ? null : placeOf(applyUrlOf(row) ?? '').user,
    slowMs: row.slowMs,
    keepParameters: row.keepParameters,
    paused: row.paused,
  });

  return {
    async list({ limit, cursor }) {
      const rows = await db.prisma.queryDatabase.findMany({
        where: cursor ? { id: { gt: cursor } } : {},
        orderBy: { id: 'asc' },
        take: limit + 1,
        select: columns,
      });
      const items = rows.slice(0, limit).map(shown);
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    async get(id) {
      const row = await load(id);
      const { setup = [], setupAt = null } = factsOf(row);
      const trouble =
        row.state === 'failed' ? { problem: row.problem, detail: row.detail ?? '' } : null;
      const missing = trouble ? lacksConnection(trouble, urlOf(row)) : [];
      return { ...shown(row), setup: [...missing, ...setup], setupAt };
    },
    async create(authority, { name, url, applyUrl, slowMs, keepParameters, paused, test }) {
      assertReachable('url', url);
      if (applyUrl) assertReachable('applyUrl', applyUrl);
      if (test) {
        await prove('url', url);
        if (applyUrl) await prove('applyUrl', applyUrl);
      }
      const now = clock.now();
      const id = newId(now);
      await uniqueName('a database', name, () =>
        db.tx(async (tx) => {
          if ((await tx.queryDatabase.count()) >= MAX_DATABASES)
            throw new AppError('CONFLICT', `At most ${MAX_DATABASES} databases are watched.`);
          const row = await tx.queryDatabase.create({
            data: {
              id,
              name,
              kind: 'external',
              sealed: secrets.seal(url, contextOf(id, 'url')),
              sealedApply: applyUrl ? secrets.seal(applyUrl, contextOf(id, 'apply')) : null,
              slowMs,
              keepParameters,
              paused,
              createdAt: now,
              createdBy: authority.actor.name,
              updatedAt: now,
            },
            select: columns,
          });
          await audit.append(tx, authority, {
            action: 'queries.databases.create',
            target: { kind: 'database', id, name },
            after: audited(row),
          });
        }),
      );
      bus.publish({ topic: 'queries', type: 'changed', id });
      return { id };
    },
    async update(authority, { id, url, applyUrl, test, ...patch }) {
      const { kind } = await load(id);
      if (kind === 'own' && url !== undefined)
        throw field('url', 'The console’s own database is where DATABASE_URL says');
      if (kind === 'own' && applyUrl !== undefined)
        throw field('applyUrl', 'The console changes its own database by its own role');
      if (url !== undefined) assertReachable('url', url);
      if (applyUrl) assertReachable('applyUrl', applyUrl);
      if (test && url !== undefined) await prove('url', url);
      if (test && applyUrl) await prove('applyUrl', applyUrl);
      const ended = await uniqueName('a database', patch.name ?? '', () =>
        db.tx(async (tx) => {
          await tx.$queryRaw`SELECT 1 FROM query_databases WHERE id = ${id}::uuid FOR UPDATE`;
          const before = await tx.queryDatabase.findUnique({ where: { id }, select: columns });
          if (!before) throw notFound();
          const given = Object.fromEntries(
            Object.entries(patch).filter(([, value]) => value !== undefined),
          );
          const after = await tx.queryDatabase.update({
            where: { id },
            data: {
              ...given,
              // What was seen elsewhere says nothing of the new place, and the next look begins anew.
              ...(url === undefined
                ? {}
                : {
                    sealed: secrets.seal(url, contextOf(id, 'url')),
                    state: 'new',
                    problem: null,
                    detail: null,
                    failingSince: null,
                    collector: null,
                    lastAt: null,
                    nextAt: null,
                  }),
              ...(applyUrl === undefined
                ? {}
                : {
                    sealedApply:
                      applyUrl === null ? null : secrets.seal(applyUrl, contextOf(id, 'apply')),
                  }),
              updatedAt: clock.now(),
            },
            select: columns,
          });
          await audit.append(tx, authority, {
            action: 'queries.databases.update',
            target: { kind: 'database', id, name: after.name },
            before: audited(before),
            after: {
              ...audited(after),
              secretsChanged: url !== undefined || applyUrl !== undefined,
            },
          });
          if (after.paused) return deps.incidents.ended(tx, id, 'the database was paused');
          return url === undefined
            ? null
            : deps.incidents.ended(tx, id, 'the database has a new URL');
        }),
      );
      if (ended) deps.incidents.announce(ended);
      bus.publish({ topic: 'queries', type: 'changed', id });
    },
    async remove(authority, id) {
      const ended = await db.tx(async (tx) => {
        const row = await tx.queryDatabase.findUnique({ where: { id }, select: columns });
        if (!row) throw notFound();
        if (row.kind === 'own')
          throw new AppError('CONFLICT', 'The console’s own database cannot be removed; pause it.');
        await tx.queryDatabase.delete({ where: { id }, select: { id: true } });
        await audit.append(tx, authority, {
          action: 'queries.databases.remove',
          target: { kind: 'database', id, name: row.name },
          before: audited(row),
        });
        return deps.incidents.ended(tx, id, 'the database was removed');
      });
      if (ended) deps.incidents.announce(ended);
      bus.publish({ topic: 'queries', type: 'changed', id });
    },
    async test(id, signal) {
      const row = await load(id);
      const { target, hasApply } = watchedOf(row);
      return trial(target, { own: row.kind === 'own', applies: hasApply }, signal);
    },
    async tryUrl(url, signal) {
      assertReachable('url', url);
      return trial({ id: `new ${url}`, url }, { own: false, applies: false }, signal);
    },
    find: async (id) => watchedOf(await load(id)),
    async watched(ids) {
      if (ids.length === 0) return [];
      const rows = await db.prisma.queryDatabase.findMany({
        where: { id: { in: [...ids] } },
        select: columns,
      });
      return rows.map(watchedOf);
    },
    async all() {
      const rows = await db.prisma.queryDatabase.findMany({
        orderBy: { id: 'asc' },
        take: MAX_DATABASES + 1,
        select: columns,
      });
      return rows.map(watchedOf);
    },
    async applyTarget(id) {
      const row = await load(id);
      const url = applyUrlOf(row);
      return url === null ? null : { id, url, own: row.kind === 'own' };
    },
  };
}

const stateOf = (text: string): DatabaseItem['state'] =>
  (['ok', 'partial', 'failed'] as const).find((one) => one === text) ?? 'new';

function lacksConnection(
  { problem, detail }: { problem: Trouble['problem'] | string | null; detail: string },
  url: string,
): SetupCheck[] {
  const { database, user } = placeOf(url);
  const quoted = (name: string) =>
    /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
  const statement =
    problem === 'rights'
      ? `GRANT CONNECT ON DATABASE ${quoted(database)} TO ${quoted(user)};`
      : problem === 'password'
        ? `ALTER ROLE ${quoted(user)} LOGIN PASSWORD '…';`
        : null;
  return [
    {
      id: 'connect',
      title: 'Connection',
      state: 'missing',
      detail,
      why: 'Nothing can be read without it.',
      statement,
    },
  ];
}
