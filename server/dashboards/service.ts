import type { Page } from '../api/contract.ts';
import type { Cache } from '../cache/index.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Prisma, Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { builtIns } from './built-in.ts';
import type {
  DashboardCreate,
  DashboardDetail,
  DashboardItem,
  DashboardList,
  DashboardUpdate,
  Panel,
} from './contract.ts';

export const MAX_DASHBOARDS = 200;
const CACHE_TAG = 'dashboards';
const columns = {
  id: true,
  name: true,
  panels: true,
  builtIn: true,
  version: true,
  updatedAt: true,
} as const;
type Row = Prisma.DashboardGetPayload<{ select: typeof columns }>;

const makerOfBuiltIns: Authority = {
  actor: { kind: 'system', id: null, name: 'dashboards' },
  rule: 'built-in',
  requestId: null,
};
const notFound = () => new AppError('NOT_FOUND', 'There is no such dashboard.');

// Only panels that `panelSchema` accepted are written into the column.
const panelsOf = (row: Pick<Row, 'panels'>): Panel[] => row.panels as Panel[];
const asJson = (panels: readonly Panel[]) => panels as readonly object[] as Prisma.InputJsonArray;

const factsOf = ({ id, name, builtIn, version, updatedAt }: Row) => ({
  id,
  name,
  builtIn: builtIn !== null,
  version,
  updatedAt: updatedAt.toISOString(),
});
/** For the audit: which panels, not all of their queries. */
const briefOf = (name: string, panels: readonly Panel[]) => ({
  name,
  panels: panels.map(({ id, title, query }) => ({ id, title, metric: query.metric })),
});

export type Dashboards = {
  /** Oldest first. */
  list(page: DashboardList): Promise<Page<DashboardItem>>;
  get(id: string): Promise<DashboardDetail>;
  create(authority: Authority, input: DashboardCreate): Promise<{ id: string; version: number }>;
  /** CONFLICT when `version` is not the newest. */
  update(authority: Authority, input: DashboardUpdate): Promise<{ version: number }>;
  /** Those that are shipped with the console stay. */
  remove(authority: Authority, id: string): Promise<void>;
  /** Makes what is shipped with the console and is not there; several processes may at once. */
  start(): Promise<void>;
};

export function createDashboards(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  cache: Pick<Cache, 'wrap' | 'invalidate'>;
}): Dashboards {
  const { db, bus, audit, clock, cache } = deps;
  const tags = [CACHE_TAG];
  const changed = async (id: string) => {
    await cache.invalidate(CACHE_TAG);
    bus.publish({ topic: 'dashboards', type: 'changed', id });
  };
  const find = async (tx: Tx, id: string): Promise<Row> => {
    const row = await tx.dashboard.findUnique({ where: { id }, select: columns });
    if (!row) throw notFound();
    return row;
  };

  const makeBuiltIn = async ({ key, name, panels }: (typeof builtIns)[number]) => {
    const now = clock.now();
    const id = newId(now);
    const made = await db.tx(async (tx) => {
      const { count } = await tx.dashboard.createMany({
        data: {
          id,
          name,
          panels: asJson(panels),
          builtIn: key,
          createdAt: now,
          createdBy: makerOfBuiltIns.actor.name,
          updatedAt: now,
        },
        skipDuplicates: true,
      });
      if (count === 0) return false;
      await audit.append(tx, makerOfBuiltIns, {
        action: 'dashboards.create',
        target: { kind: 'dashboard', id, name },
        after: briefOf(name, panels),
      });
      return true;
    });
    if (made) await changed(id);
  };

  return {
    list: ({ limit, cursor }) =>
      cache.wrap(
        'dashboards',
        `list:${limit}:${cursor ?? ''}`,
        async () => {
          const rows = await db.prisma.dashboard.findMany({
            where: cursor ? { id: { gt: cursor } } : {},
            orderBy: { id: 'asc' },
            take: limit + 1,
            select: columns,
          });
          const items = rows
            .slice(0, limit)
            .map((row): DashboardItem => ({ ...factsOf(row), panels: panelsOf(row).length }));
          return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
        },
        { tags },
      ),
    get: (id) =>
      cache.wrap(
        'dashboards',
        `get:${id}`,
        async () => {
          const row = await db.prisma.dashboard.findUnique({ where: { id }, select: columns });
          if (!row) throw notFound();
          return { ...factsOf(row), panels: panelsOf(row) };
        },
        { tags },
      ),
    async create(authority, { name, panels }) {
      const now = clock.now();
      const id = newId(now);
      await db.tx(async (tx) => {
        if ((await tx.dashboard.count()) >= MAX_DASHBOARDS)
          throw new AppError('CONFLICT', `There are ${MAX_DASHBOARDS} dashboards already.`);
        await tx.dashboard.create({
          data: {
            id,
            name,
            panels: asJson(panels),
            createdAt: now,
            createdBy: authority.actor.name,
            updatedAt: now,
          },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'dashboards.create',
          target: { kind: 'dashboard', id, name },
          after: briefOf(name, panels),
        });
      });
      await changed(id);
      return { id, version: 1 };
    },
    async update(authority, { id, version, name, panels }) {
      const next = await db.tx(async (tx) => {
        const before = await find(tx, id);
        const { count } = await tx.dashboard.updateMany({
          where: { id, version },
          data: {
            version: { increment: 1 },
            updatedAt: clock.now(),
            ...(name === undefined ? {} : { name }),
            ...(panels === undefined ? {} : { panels: asJson(panels) }),
          },
        });
        if (count === 0) {
          throw new AppError(
            'CONFLICT',
            'Somebody else changed this dashboard since you opened it. Load it again and repeat your change.',
          );
        }
        const old = panelsOf(before);
        await audit.append(tx, authority, {
          action: 'dashboards.update',
          target: { kind: 'dashboard', id, name: name ?? before.name },
          before: briefOf(before.name, old),
          after: briefOf(name ?? before.name, panels ?? old),
        });
        return version + 1;
      });
      await changed(id);
      return { version: next };
    },
    async remove(authority, id) {
      await db.tx(async (tx) => {
        const row = await find(tx, id);
        if (row.builtIn !== null) {
          throw new AppError(
            'CONFLICT',
            'This dashboard is shipped with the console. It can be changed, but not deleted.',
          );
        }
        await tx.dashboard.delete({ where: { id }, select: { id: true } });
        await audit.append(tx, authority, {
          action: 'dashboards.remove',
          target: { kind: 'dashboard', id, name: row.name },
          before: briefOf(row.name, panelsOf(row)),
        });
      });
      await changed(id);
    },
    async start() {
      for (const each of builtIns) await makeBuiltIn(each);
    },
  };
}
