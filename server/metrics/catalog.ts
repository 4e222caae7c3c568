/** Metrics by name, their series and labels. Series of a metric are kept in memory while it is asked for. */
import type { Clock } from '../platform/clock.ts';
import { type Db, likeLiteral } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { defaultDays } from './compaction.ts';
import type { CatalogItem, MetricDetail } from './contract.ts';
import type { Labels } from './labels.ts';

export type SeriesRow = { id: number; labels: Labels; delta: boolean };
export type MetricInfo = {
  id: number;
  name: string;
  kind: string;
  unit: string;
  help: string;
  keepDays: { raw: number; minute: number; hour: number };
};
export type Description = { metric: string; kind?: string; unit?: string; help?: string };
export type Catalog = {
  find(metric: string): Promise<MetricInfo | null>;
  /** All series of a metric, at most `MAX_SERIES`. */
  series(metric: MetricInfo): Promise<SeriesRow[]>;
  list(input: {
    prefix?: string | undefined;
    search?: string | undefined;
    limit: number;
    cursor?: string | null | undefined;
  }): Promise<{ items: CatalogItem[]; nextCursor: string | null }>;
  describe(metric: string): Promise<MetricDetail>;
  labelValues(metric: string, label: string, search: string): Promise<string[]>;
  /** What a metric is, as told by what sends it; written in the background. */
  tell(list: readonly Description[]): void;
  writeTold(): Promise<void>;
};

export const MAX_SERIES = 100_000;
const MAX_CACHED = 300_000;
const MAX_VALUES = 100;
const MAX_TOLD = 20_000;
const MAX_TEXT = 500;

type Row = {
  id: number;
  name: string;
  kind: string;
  unit: string;
  help: string;
  raw_days: number | null;
  minute_days: number | null;
  hour_days: number | null;
  series: number;
};
const columns = 'm.id, m.name, m.kind, m.unit, m.help, m.raw_days, m.minute_days, m.hour_days';

const ownSeries = '(SELECT count(*)::int FROM metric_series s WHERE s.metric_id = m.id)';
/** A histogram is known by its base name; its series are those of its counts. */
const allSeries = `${ownSeries} + CASE WHEN m.kind = 'histogram' THEN (SELECT count(*)::int FROM metric_series s
  JOIN metric_names c ON c.id = s.metric_id WHERE c.name = m.name || '_count') ELSE 0 END`;

export function createCatalog(deps: { db: Db; clock: Clock }): Catalog {
  const { db, clock } = deps;
  const cached = new Map<string, SeriesRow[]>();
  const told = new Map<string, Description>();
  const pending = new Map<string, Description>();

  const item = (row: Row): CatalogItem => ({
    metric: row.name,
    kind: row.kind,
    unit: row.unit,
    help: row.help,
    series: row.series,
    rawDays: row.raw_days ?? defaultDays.raw,
    minuteDays: row.minute_days ?? defaultDays.minute,
    hourDays: row.hour_days ?? defaultDays.hour,
  });
  const one = async (metric: string): Promise<Row | null> => {
    const { rows } = await db.pool.query<Row>({
      name: 'metrics-catalog-one',
      text: `SELECT ${columns}, ${ownSeries} AS series
             FROM metric_names m WHERE m.name = $1`,
      values: [metric],
    });
    return rows[0] ?? null;
  };
  const counts = new Map<string, number>();
  const find = async (metric: string): Promise<MetricInfo | null> => {
    const row = await one(metric);
    if (!row) return null;
    counts.set(metric, row.series);
    const { rawDays, minuteDays, hourDays } = item(row);
    return {
      id: row.id,
      name: row.name,
      kind: row.kind,
      unit: row.unit,
      help: row.help,
      keepDays: { raw: rawDays, minute: minuteDays, hour: hourDays },
    };
  };
  const series = async ({ id, name }: MetricInfo): Promise<SeriesRow[]> => {
    const known = cached.get(name);
    // Series are only ever added while one looks; the number tells whether there are new ones.
    if (known && known.length === Math.min(MAX_SERIES, counts.get(name) ?? -1)) {
      cached.delete(name);
      cached.set(name, known);
      return known;
    }
    const { rows } = await db.pool.query<SeriesRow>(
      `SELECT id, labels, delta FROM metric_series WHERE metric_id = $1 ORDER BY id LIMIT ${MAX_SERIES}`,
      [id],
    );
    cached.set(name, rows);
    let total = [...cached.values()].reduce((sum, list) => sum + list.length, 0);
    for (const [other, list] of cached) {
      if (total <= MAX_CACHED) break;
      cached.delete(other);
      total -= list.length;
    }
    return rows;
  };
  const must = async (metric: string): Promise<{ row: Row; info: MetricInfo }> => {
    const [row, info] = await Promise.all([one(metric), find(metric)]);
    if (!row || !info) throw new AppError('NOT_FOUND', `There is no metric ${metric}.`);
    return { row, info };
  };

  /** Series whose labels a metric is filtered and grouped by. */
  const labelled = async (info: MetricInfo): Promise<SeriesRow[]> => {
    const own = await series(info);
    if (own.length > 0 || info.kind !== 'histogram') return own;
    const count = await find(`${info.name}_count`);
    return count ? series(count) : own;
  };

  return {
    find,
    series,
    async list({ prefix, search, limit, cursor }) {
      const { rows } = await db.pool.query<Row>(
        `SELECT ${columns}, ${allSeries} AS series
         FROM metric_names m
         WHERE ($1::text IS NULL OR m.name LIKE $1) AND ($2::text IS NULL OR m.name ILIKE $2 OR m.help ILIKE $2)
           AND ($3::text IS NULL OR m.name COLLATE "C" > $3)
         ORDER BY m.name COLLATE "C" LIMIT $4`,
        [
          prefix ? `${likeLiteral(prefix)}%` : null,
          search ? `%${likeLiteral(search)}%` : null,
          cursor ?? null,
          limit + 1,
        ],
      );
      const items = rows.slice(0, limit).map(item);
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.metric ?? null) : null };
    },
    async describe(metric) {
      const { row, info } = await must(metric);
      const values = new Map<string, Set<string>>();
      const list = await labelled(info);
      for (const { labels } of list) {
        for (const [name, value] of Object.entries(labels)) {
          const set = values.get(name) ?? new Set();
          values.set(name, set);
          if (set.size <= MAX_VALUES) set.add(value);
        }
      }
      return {
        ...item({ ...row, series: list.length }),
        labels: [...values]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, set]) => ({
            name,
            values: [...set].sort().slice(0, MAX_VALUES),
            more: set.size > MAX_VALUES,
          })),
      };
    },
    async labelValues(metric, label, search) {
      const { info } = await must(metric);
      const found = new Set<string>();
      const wanted = search.toLowerCase();
      for (const { labels } of await labelled(info)) {
        const value = labels[label];
        if (value?.toLowerCase().includes(wanted)) found.add(value);
      }
      return [...found].sort().slice(0, MAX_VALUES);
    },
    tell(list) {
      for (const description of list) {
        const before = told.get(description.metric);
        if (
          before &&
          before.kind === description.kind &&
          before.unit === description.unit &&
          before.help === description.help
        ) {
          continue;
        }
        if (told.size >= MAX_TOLD) told.clear();
        told.set(description.metric, description);
        pending.set(description.metric, description);
      }
    },
    async writeTold() {
      if (pending.size === 0) return;
      const list = [...pending.values()];
      pending.clear();
      try {
        // The base name of a histogram has no series of its own; it is there to be asked about.
        const histograms = list.flatMap(({ metric, kind }) =>
          kind === 'histogram' ? [metric] : [],
        );
        await db.pool.query(
          `INSERT INTO metric_names (name, kind, created_at)
           SELECT name, 'histogram', $2 FROM unnest($1::text[]) AS w(name)
           WHERE EXISTS (SELECT 1 FROM metric_names m WHERE m.name = w.name || '_bucket')
             AND NOT EXISTS (SELECT 1 FROM metric_names m WHERE m.name = w.name) ON CONFLICT DO NOTHING`,
          [histograms, clock.now()],
        );
        const { rows: there } = await db.pool.query<{ name: string }>(
          'SELECT name FROM metric_names WHERE name = ANY($1)',
          [histograms],
        );
        const known = new Set(there.map(({ name }) => name));
        // Described before its first sample: told again later, it is written then.
        for (const name of histograms) if (!known.has(name)) told.delete(name);
        await db.pool.query(
          `UPDATE metric_names m SET kind = coalesce(w.kind, m.kind), unit = coalesce(w.unit, m.unit), help = coalesce(w.help, m.help)
           FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS w(name, kind, unit, help)
           WHERE m.name = w.name AND (coalesce(w.kind, m.kind), coalesce(w.unit, m.unit), coalesce(w.help, m.help))
             IS DISTINCT FROM (m.kind, m.unit, m.help)`,
          [
            list.map(({ metric }) => metric),
            list.map(({ kind }) => kind ?? null),
            list.map(({ unit }) => unit?.slice(0, MAX_TEXT) ?? null),
            list.map(({ help }) => help?.slice(0, MAX_TEXT) ?? null),
          ],
        );
      } catch (error) {
        for (const one of list) told.delete(one.metric);
        throw error;
      }
    },
  };
}
