/**
 * Runs a query: resolves its series, plans what to read, reads recent samples first and then, in one snapshot of the
 * database, chunks and roll-ups. In this order a sample that is packed meanwhile is seen twice, never missed; series
 * and time are its identity, so that it counts once.
 */
import type pg from 'pg';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { transaction } from '../platform/db/transaction.ts';
import { AppError } from '../platform/errors.ts';
import type { Workers } from '../platform/workers/index.ts';
import type { Catalog, MetricInfo } from './catalog.ts';
import {
  type Aggregation,
  type ExplainResult,
  type ParsedQuery,
  parseDuration,
  type QueryResult,
} from './contract.ts';
import {
  bucketsOf,
  type Executed,
  execute,
  expand,
  type Gathered,
  needsValues,
} from './execute.ts';
import { labelTest, regexFault, valueTests } from './filters.ts';
import type { Run } from './head.ts';
import type { Others } from './others.ts';
import { type Plan, plan } from './plan.ts';
import { MAX_STEP_MS } from './rollup.ts';
import { chunkList, DAY_MS, packed, SLOT_MS, SLOTS_PER_DAY, slotOf } from './samples.ts';
import type { Wal } from './wal.ts';

const COMPUTE = new URL('./compute.ts', import.meta.url);
const TIMEOUT_MS = 15_000;
/** A query that would read more is refused. */
const MAX_SCAN = 20_000_000;
const MAX_SCAN_BYTES = 256 * 1024 * 1024;
const MAX_BUCKETS = 11_000;
const MAX_CELLS = 250_000;
const MAX_GROUPS = 5_000;
const INLINE_SAMPLES = 60_000;
const INLINE_ROLLUP_BYTES = 256 * 1024;

export type Explained = { result: QueryResult; plan: ExplainResult['plan'] };
export type QueryRunner = (
  query: ParsedQuery,
  signal?: AbortSignal,
  /** The metric, where it was looked up already. */
  known?: MetricInfo | null,
) => Promise<Explained>;

export const badField = (path: string, message: string) =>
  new AppError('BAD_REQUEST', `${path}: ${message}.`, { fields: [{ path, message }] });

/** Bounds of a time range; relative ones end now. `to` is not part of it. */
export function rangeOf(
  timeRange: ParsedQuery['timeRange'],
  now: number,
): { fromMs: number; toMs: number } {
  if (typeof timeRange !== 'string') {
    return { fromMs: Date.parse(timeRange.from), toMs: Date.parse(timeRange.to) };
  }
  // Milliseconds are whole: what is acknowledged in this one is in the range.
  return { fromMs: now + 1 - (parseDuration(timeRange) ?? 0), toMs: now + 1 };
}
export function stepOf(step: ParsedQuery['step']): number | null {
  if (step === undefined) return null;
  return typeof step === 'number' ? step * 1000 : parseDuration(step);
}

export function createQueryRunner(deps: {
  db: Db;
  clock: Clock;
  workers: Workers;
  catalog: Catalog;
  wal: Wal;
  others: Others;
}): QueryRunner {
  const { db, clock, workers, catalog, wal, others } = deps;

  const recentRuns = (ids: readonly number[], from: number, to: number) => {
    const recent: { series: number; run: Run }[] = [];
    let own = 0;
    let other = 0;
    ids.forEach((id, series) => {
      const elsewhere = others.read(id, from, to);
      if (elsewhere) {
        recent.push({ series, run: elsewhere });
        other += elsewhere.times.length;
      }
      const run = wal.head.read(id, from, to);
      if (run.times.length > 0) {
        recent.push({ series, run });
        own += run.times.length;
      }
    });
    return { recent, own, other };
  };

  return async (query, signal, known) => {
    const started = clock.monotonicMs();
    const now = clock.now().getTime();
    const { fromMs, toMs } = rangeOf(query.timeRange, now);
    const stepMs = stepOf(query.step);
    checkShape(query, { fromMs, toMs, stepMs });
    const tests = valueTests(query.filters);
    await wal.open();
    const info = known === undefined ? await catalog.find(query.metric) : known;
    const all = info ? await catalog.series(info) : [];
    const matches = labelTest(query.filters);
    const matched = all.filter(({ labels }) => matches(labels));
    const { groups, groupOf } = group(matched, query.groupBy);
    const aggregations = expand(query.aggregations);
    const buckets = bucketsOf({ fromMs, toMs, stepMs });
    if (buckets.count * groups.length > MAX_CELLS) {
      throw badField(
        'step',
        `${groups.length} series of ${buckets.count} steps are more than ${MAX_CELLS} points; choose a longer step, fewer groups or a shorter time range`,
      );
    }
    const resolved = clock.monotonicMs();

    const ids = matched.map(({ id }) => id);
    await others.refresh(wal.writerId());
    const { recent, own, other } = recentRuns(ids, fromMs - MAX_STEP_MS, toMs);
    const gathered = info
      ? await gather(info, ids, {
          query,
          fromMs,
          toMs,
          stepMs,
          now,
          recent: recent.map(({ run }) => run),
          aggregations,
        })
      : nothing(stepMs);
    signal?.throwIfAborted();
    const shape = { fromMs, toMs, stepMs: gathered.plan.stepMs };
    const read = clock.monotonicMs();
    const place = new Map(ids.map((id, i) => [id, i]));
    const data = packed(gathered.rollups.map((row) => row.data));
    const sketch = packed(gathered.rollups.map((row) => row.sketch ?? new Uint8Array(0)));
    const input: Gathered = {
      ...shape,
      aggregations: [...query.aggregations],
      valueTests: tests,
      groups,
      groupOf,
      delta: matched.map(({ delta }) => delta),
      chunkSeries: gathered.chunks.map(({ series_id }) => place.get(series_id) ?? 0),
      chunks: chunkList(gathered.chunks),
      recent,
      raw: gathered.plan.raw,
      rollups: {
        series: Int32Array.from(gathered.rollups, ({ series_id }) => place.get(series_id) ?? 0),
        data: data.bytes,
        dataAt: data.offsets,
        sketch: sketch.offsets.at(-1) === 0 ? new Uint8Array(0) : sketch.bytes,
        sketchAt: sketch.offsets,
      },
    };
    const rollupBytes = gathered.rollups.reduce((sum, { data }) => sum + data.length, 0);
    const samples = gathered.samples + own + other;
    const small = samples <= INLINE_SAMPLES && rollupBytes <= INLINE_ROLLUP_BYTES;
    const { series, scanned, approximate } = small
      ? execute(input)
      : await workers.run<Executed>(COMPUTE, 'queryTask', input, {
          timeoutMs: TIMEOUT_MS,
          ...(signal ? { signal } : {}),
        });
    const done = clock.monotonicMs();
    const round = (ms: number) => Math.round(ms * 10) / 10;
    const levels = new Set<'raw' | 'minute' | 'hour'>(
      gathered.plan.rollups.map(({ level }) => level),
    );
    if (gathered.plan.raw.length > 0) levels.add('raw');
    const [only] = levels;
    return {
      result: {
        series,
        scanned,
        tookMs: round(done - started),
        from: new Date(fromMs).toISOString(),
        to: new Date(toMs).toISOString(),
        stepSeconds: gathered.plan.stepMs === null ? null : gathered.plan.stepMs / 1000,
        resolution: levels.size === 1 && only ? only : levels.size === 0 ? 'raw' : 'mixed',
        percentiles: needsValues(aggregations) ? (approximate ? 'approximate' : 'exact') : null,
        notes: gathered.plan.notes,
      },
      plan: {
        seriesMatched: matched.length,
        seriesOfMetric: all.length,
        groups: groups.length,
        segments: [
          ...gathered.plan.raw.map(({ from, to }) => ({ resolution: 'raw' as const, from, to })),
          ...gathered.plan.rollups.map(({ day, level }) => ({
            resolution: level,
            from: day * DAY_MS,
            to: (day + 1) * DAY_MS,
          })),
        ]
          .sort((a, b) => a.from - b.from)
          .map((segment) => ({
            ...segment,
            from: new Date(segment.from).toISOString(),
            to: new Date(segment.to).toISOString(),
          })),
        chunks: gathered.chunks.length,
        chunkBytes: gathered.chunks.reduce((sum, { data }) => sum + data.length, 0),
        rollupRows: gathered.rollups.length,
        recentSamples: own,
        otherReplicasSamples: other,
        thread: small ? 'main' : 'worker',
        timingsMs: {
          resolve: round(resolved - started),
          read: round(read - resolved),
          compute: round(done - read),
        },
        promql: [],
      },
    };
  };

  type ChunkRow = { series_id: number; slot: number; samples: number; data: Buffer };
  type RollupRow = { series_id: number; data: Buffer; sketch: Buffer | null };
  type Read = { plan: Plan; chunks: ChunkRow[]; rollups: RollupRow[]; samples: number };

  function nothing(stepMs: number | null): Read {
    return {
      plan: { stepMs, raw: [], rollups: [], notes: [] },
      chunks: [],
      rollups: [],
      samples: 0,
    };
  }

  /** Chunks and roll-ups in one snapshot. */
  async function gather(
    info: MetricInfo,
    ids: readonly number[],
    ask: {
      query: ParsedQuery;
      fromMs: number;
      toMs: number;
      stepMs: number | null;
      now: number;
      recent: readonly Run[];
      aggregations: readonly Aggregation[];
    },
  ): Promise<Read> {
    const { fromMs, toMs, aggregations } = ask;
    if (ids.length === 0) return nothing(ask.stepMs);
    const read = async (client: pg.PoolClient): Promise<Read> => {
      const [firstDay, lastDay] = [Math.floor(fromMs / DAY_MS), Math.floor((toMs - 1) / DAY_MS)];
      const today = Math.floor(ask.now / DAY_MS);
      const firstSlot = Math.max(slotOf(fromMs), (today - info.keepDays.raw) * SLOTS_PER_DAY);
      const lastSlot = slotOf(toMs - 1);
      const size =
        firstSlot > lastSlot
          ? { samples: 0, bytes: 0, days: [] }
          : await rawSize(client, ids, firstSlot, lastSlot);
      const unrolled = new Set(size.days);
      for (const { times } of ask.recent) {
        for (const at of times) unrolled.add(Math.floor(at / DAY_MS));
      }
      if (firstDay < lastDay) await addDirty(client, ids, firstDay, lastDay, unrolled);
      const planned = plan({
        fromMs,
        toMs,
        stepMs: ask.stepMs,
        nowMs: ask.now,
        keepDays: info.keepDays,
        unrolled,
        needsValues: needsValues(aggregations),
        rawOnly: ask.query.filters.some(({ field }) => field === 'value')
          ? 'filters'
          : aggregations.includes('distinct')
            ? 'aggregations'
            : null,
        rawSamples: size.samples,
      });
      if ('message' in planned) throw badField(planned.path, planned.message);
      const wholeRaw = planned.rollups.length === 0;
      if (wholeRaw && (size.samples > MAX_SCAN || size.bytes > MAX_SCAN_BYTES)) {
        throw badField(
          'timeRange',
          `${size.samples} samples lie in it; a query reads at most ${MAX_SCAN}. Choose a shorter range, more filters, or a step of whole minutes`,
        );
      }
      const lookBack =
        aggregations.includes('rate') || aggregations.includes('increase') ? MAX_STEP_MS : 0;
      const chunks = await readChunks(client, ids, planned, lookBack);
      const rollups = await readRollups(client, ids, planned, needsValues(aggregations));
      const samples = chunks.reduce((sum, row) => sum + row.samples, 0);
      return { plan: planned, chunks, rollups, samples };
    };
    return transaction(db.pool, read, 'ISOLATION LEVEL REPEATABLE READ READ ONLY');
  }

  async function rawSize(
    client: pg.PoolClient,
    ids: readonly number[],
    first: number,
    last: number,
  ) {
    const { rows } = await client.query<{
      samples: string | null;
      bytes: string | null;
      days: number[] | null;
    }>({
      name: 'metrics-size',
      text: `SELECT sum(samples)::bigint AS samples, sum(bytes)::bigint AS bytes,
               array_agg(DISTINCT day) FILTER (WHERE fresh) AS days FROM (
               SELECT samples, length(data) AS bytes, slot / ${SLOTS_PER_DAY} AS day, false AS fresh FROM metric_chunks
               WHERE series_id = ANY($1) AND slot BETWEEN $2 AND $3
               UNION ALL
               SELECT samples, length(data), slot / ${SLOTS_PER_DAY}, true FROM metric_fresh
               WHERE series_id = ANY($1) AND slot BETWEEN $2 AND $3) AS c`,
      values: [ids, first, last],
    });
    return {
      samples: Number(rows[0]?.samples ?? 0),
      bytes: Number(rows[0]?.bytes ?? 0),
      days: rows[0]?.days ?? [],
    };
  }

  async function addDirty(
    client: pg.PoolClient,
    ids: readonly number[],
    first: number,
    last: number,
    into: Set<number>,
  ) {
    const { rows } = await client.query<{ day: number }>(
      'SELECT DISTINCT day FROM metric_dirty WHERE day BETWEEN $2 AND $3 AND series_id = ANY($1)',
      [ids, first, last],
    );
    for (const { day } of rows) into.add(day);
  }

  async function readChunks(
    client: pg.PoolClient,
    ids: readonly number[],
    planned: Plan,
    lookBackMs: number,
  ): Promise<ChunkRow[]> {
    const slots = new Set<number>();
    for (const { from, to } of planned.raw) {
      for (let slot = slotOf(from - lookBackMs); slot * SLOT_MS < to; slot++) slots.add(slot);
    }
    if (slots.size === 0) return [];
    const { rows } = await client.query<ChunkRow & { id: string | bigint | number }>({
      name: 'metrics-chunks',
      text: `SELECT 0::int AS id, series_id, slot, samples, data FROM metric_chunks
             WHERE series_id = ANY($1) AND slot = ANY($2)
             UNION ALL
             SELECT (row_number() OVER (ORDER BY id))::int, series_id, slot, samples, data FROM metric_fresh
             WHERE series_id = ANY($1) AND slot = ANY($2)`,
      values: [ids, [...slots]],
    });
    return rows.sort(
      (a, b) => a.series_id - b.series_id || Number(a.id) - Number(b.id) || a.slot - b.slot,
    );
  }

  async function readRollups(
    client: pg.PoolClient,
    ids: readonly number[],
    planned: Plan,
    withSketch: boolean,
  ): Promise<RollupRow[]> {
    const out: RollupRow[] = [];
    for (const level of ['minute', 'hour'] as const) {
      const days = planned.rollups.flatMap((one) => (one.level === level ? [one.day] : []));
      if (days.length === 0) continue;
      const { rows } = await client.query<RollupRow>({
        text: `SELECT series_id, data, ${withSketch ? 'sketch' : 'NULL::bytea AS sketch'} FROM metric_${level}s
               WHERE series_id = ANY($1) AND day = ANY($2)`,
        values: [ids, days],
      });
      out.push(...rows);
    }
    return out;
  }
}

function checkShape(
  query: ParsedQuery,
  { fromMs, toMs, stepMs }: { fromMs: number; toMs: number; stepMs: number | null },
): void {
  query.filters.forEach(({ op, value }, i) => {
    const fault = op === 'regex' ? regexFault(String(value)) : null;
    if (fault) throw badField(`filters.${i}.value`, fault);
  });
  if (stepMs !== null && stepMs < 1) throw badField('step', 'At least 1 ms');
  const { count } = bucketsOf({ fromMs, toMs, stepMs });
  if (count > MAX_BUCKETS) {
    throw badField(
      'step',
      `${count} steps; at most ${MAX_BUCKETS} are answered. Choose a longer step`,
    );
  }
}

/** Series by the labels that were asked for. */
function group(
  matched: readonly { labels: Record<string, string> }[],
  groupBy: readonly string[],
): { groups: Record<string, string>[]; groupOf: number[] } {
  if (groupBy.length === 0)
    return { groups: matched.length > 0 ? [{}] : [], groupOf: matched.map(() => 0) };
  const every = groupBy.includes('*');
  const places = new Map<string, number>();
  const groups: Record<string, string>[] = [];
  const groupOf = matched.map(({ labels }) => {
    const own = every
      ? labels
      : Object.fromEntries(groupBy.map((name) => [name, labels[name] ?? '']));
    const key = JSON.stringify(own);
    let place = places.get(key);
    if (place === undefined) {
      place = groups.length;
      places.set(key, place);
      groups.push(own);
    }
    return place;
  });
  if (groups.length > MAX_GROUPS) {
    throw badField(
      'groupBy',
      `${groups.length} groups; at most ${MAX_GROUPS} are answered. Add a filter`,
    );
  }
  return { groups, groupOf };
}
