/**
 * From the recent window to chunks, from chunks to roll-ups, and out.
 *
 * flush: the window and its rows of the log become chunks (`metric_fresh`), in one transaction.
 * settle: once a slot is over, its chunks of a series become one (`metric_chunks`).
 * roll: once a day is over, its minutes and hours are made, again when a late sample changed the day.
 * prune: partitions are dropped whole; metrics that are kept shorter lose their rows.
 * Settling and rolling are done by one replica at a time, in slices of one transaction each: they may end anywhere.
 */
import type pg from 'pg';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { createPartitions } from '../platform/db/partitions.ts';
import { transaction } from '../platform/db/transaction.ts';
import { withLock } from '../platform/lock.ts';
import type { Log } from '../platform/log.ts';
import type { Workers } from '../platform/workers/index.ts';
import type { DayRollup } from './compute.ts';
import {
  type ChunkList,
  chunkList,
  compact,
  DAY_MS,
  merge,
  SLOT_MS,
  SLOTS_PER_DAY,
} from './samples.ts';
import type { Wal } from './wal.ts';

const COMPUTE = new URL('./compute.ts', import.meta.url);
/** Samples may be this late before their slot is settled. */
export const LATE_MS = 3_600_000;
export const defaultDays = { raw: 7, minute: 30, hour: 396 } as const;
const FLUSH_SAMPLES = 500_000;
const FLUSH_ROWS = 2_000;
const FLUSH_AGE_MS = 3_600_000;
/** Fewer samples are packed on the spot. */
const INLINE_SAMPLES = 20_000;
const TASK_TIMEOUT_MS = 60_000;
const SLICE_ROWS = 4_000;
const SLICE_SERIES = 100;
const MAX_SLICES = 500;
const DAYS_PER_MONTH = 31;

type FreshRow = { id: string; series_id: number; slot: number; data: Buffer };
export type Compaction = {
  /** Flushes when it is time. */
  tick(): Promise<void>;
  flush(): Promise<number>;
  /** Answers how many chunks were made of slots that ended before `now` − `LATE_MS`. */
  settle(now: Date, signal: AbortSignal): Promise<number>;
  roll(now: Date, signal: AbortSignal): Promise<number>;
  prune(now: Date): Promise<string[]>;
};

export function createCompaction(deps: {
  db: Db;
  clock: Clock;
  log: Log;
  workers: Workers;
  wal: Wal;
}): Compaction {
  const { db, clock, log, workers, wal } = deps;
  const partitions = createPartitions(db.pool);
  let flushing: Promise<number> | null = null;
  let flushedAt = clock.monotonicMs();

  const ensure = (table: string, key: number, from: number, to: number) =>
    partitions.ensure({ table, name: `${table}_${key}`, from, to });
  const flushNow = async (): Promise<number> => {
    const { end, batches } = wal.flushable();
    const { start } = wal.head;
    if (end === start) return 0;
    const columns = wal.head.copy(start, end, end - start);
    const list =
      columns.count <= INLINE_SAMPLES
        ? compact(columns)
        : await workers.run<ChunkList>(
            COMPUTE,
            'compactTask',
            { ...columns },
            {
              timeoutMs: TASK_TIMEOUT_MS,
            },
          );
    await transaction(db.pool, async (client) => {
      await insertChunks(client, 'metric_fresh', list);
      await client.query('DELETE FROM metric_batches WHERE id = ANY($1::bigint[])', [batches]);
    });
    wal.flushed(end, batches);
    flushedAt = clock.monotonicMs();
    log.debug({ samples: columns.count, chunks: list.series.length }, 'samples packed into chunks');
    return columns.count;
  };
  const flush = (): Promise<number> => {
    flushing ??= flushNow().finally(() => {
      flushing = null;
    });
    return flushing;
  };

  /** One slice of series of one slot; answers how many chunks came out, 0 when nothing is left. */
  const settleSlice = async (beforeSlot: number): Promise<number> => {
    const { rows: groups } = await db.pool.query<{ series_id: number; slot: number; n: number }>(
      `SELECT series_id, slot, count(*)::int AS n FROM metric_fresh
       WHERE slot = (SELECT min(slot) FROM metric_fresh WHERE slot < $1)
       GROUP BY series_id, slot ORDER BY series_id LIMIT ${SLICE_ROWS}`,
      [beforeSlot],
    );
    const slot = groups[0]?.slot;
    if (slot === undefined) return 0;
    const ids: number[] = [];
    let rows = 0;
    for (const { series_id, n } of groups) {
      ids.push(series_id);
      rows += n;
      if (rows >= SLICE_ROWS) break;
    }
    const day = Math.floor(slot / SLOTS_PER_DAY);
    await ensure('metric_chunks', day, day * SLOTS_PER_DAY, (day + 1) * SLOTS_PER_DAY);
    return transaction(db.pool, async (client) => {
      // Older first, so that of equal times the one that was acknowledged last stays.
      const { rows: fresh } = await client.query<FreshRow>({
        text: `SELECT '0' AS id, series_id, slot, data FROM metric_chunks WHERE slot = $1 AND series_id = ANY($2)
               UNION ALL
               SELECT id::text, series_id, slot, data FROM metric_fresh WHERE slot = $1 AND series_id = ANY($2)`,
        values: [slot, ids],
      });
      fresh.sort((a, b) => a.series_id - b.series_id || Number(a.id) - Number(b.id));
      const list = chunkList(fresh);
      const samples = list.samples.reduce((sum, n) => sum + n, 0);
      const merged =
        samples <= INLINE_SAMPLES
          ? merge(list)
          : await workers.run<ChunkList>(COMPUTE, 'mergeTask', list, {
              timeoutMs: TASK_TIMEOUT_MS,
            });
      await client.query('DELETE FROM metric_chunks WHERE slot = $1 AND series_id = ANY($2)', [
        slot,
        ids,
      ]);
      await client.query('DELETE FROM metric_fresh WHERE id = ANY($1::bigint[])', [
        fresh.flatMap(({ id }) => (id === '0' ? [] : [id])),
      ]);
      await insertChunks(client, 'metric_chunks', merged);
      await client.query(
        `INSERT INTO metric_dirty (day, series_id) SELECT $1, unnest($2::int[]) ON CONFLICT DO NOTHING`,
        [day, ids],
      );
      return merged.series.length;
    });
  };

  const rollSlice = async (beforeDay: number): Promise<number> => {
    const { rows: dirty } = await db.pool.query<{ day: number; series_id: number; delta: boolean }>(
      `SELECT d.day, d.series_id, s.delta FROM metric_dirty d JOIN metric_series s ON s.id = d.series_id
       WHERE d.day = (SELECT min(day) FROM metric_dirty WHERE day < $1)
       ORDER BY d.series_id LIMIT ${SLICE_SERIES}`,
      [beforeDay],
    );
    const day = dirty[0]?.day;
    if (day === undefined) return 0;
    const ids = dirty.map(({ series_id }) => series_id);
    await ensure('metric_minutes', day, day, day + 1);
    const month = Math.floor(day / DAYS_PER_MONTH);
    await ensure('metric_hours', month, month * DAYS_PER_MONTH, (month + 1) * DAYS_PER_MONTH);
    return transaction(db.pool, async (client) => {
      // First, so that a chunk which is settled from here on marks the day again.
      await client.query('DELETE FROM metric_dirty WHERE day = $1 AND series_id = ANY($2)', [
        day,
        ids,
      ]);
      const { rows } = await client.query<FreshRow>(
        `SELECT series_id, slot, data FROM metric_chunks
         WHERE series_id = ANY($1) AND slot >= $2 AND slot < $3 ORDER BY series_id, slot`,
        [ids, day * SLOTS_PER_DAY - 1, (day + 1) * SLOTS_PER_DAY],
      );
      const rolled = await workers.run<DayRollup[]>(
        COMPUTE,
        'rollTask',
        {
          list: chunkList(rows),
          day,
          delta: dirty.flatMap(({ series_id, delta }) => (delta ? [series_id] : [])),
        },
        { timeoutMs: TASK_TIMEOUT_MS },
      );
      for (const [table, pick] of [
        ['metric_minutes', (one: DayRollup) => one.minutes],
        ['metric_hours', (one: DayRollup) => one.hours],
      ] as const) {
        const data = blob(rolled.map((one) => pick(one).data));
        const sketch = blob(rolled.map((one) => pick(one).sketch));
        await client.query(
          `INSERT INTO ${table} (series_id, day, data, sketch)
           SELECT s, $1, substring($2::bytea FROM a FOR al), substring($3::bytea FROM b FOR bl)
           FROM unnest($4::int[], $5::int[], $6::int[], $7::int[], $8::int[]) AS w(s, a, al, b, bl)
           ON CONFLICT (series_id, day) DO UPDATE SET data = excluded.data, sketch = excluded.sketch`,
          [
            day,
            data.bytes,
            sketch.bytes,
            rolled.map(({ seriesId }) => seriesId),
            data.starts,
            data.lengths,
            sketch.starts,
            sketch.lengths,
          ],
        );
      }
      return ids.length;
    });
  };

  /** Slice after slice while this process holds the lock. */
  const slices = async (
    name: string,
    signal: AbortSignal,
    slice: () => Promise<number>,
  ): Promise<number> => {
    const done = await withLock(db.pool, name, async (lost) => {
      let total = 0;
      for (let i = 0; i < MAX_SLICES && !signal.aborted && !lost.aborted; i++) {
        const count = await slice();
        if (count === 0) break;
        total += count;
      }
      return total;
    });
    return done ?? 0;
  };

  return {
    flush,
    async tick() {
      const { rows } = wal.stats();
      const old = wal.head.size > 0 && clock.monotonicMs() - flushedAt > FLUSH_AGE_MS;
      if (wal.head.size >= FLUSH_SAMPLES || rows >= FLUSH_ROWS || old) await flush();
    },
    settle: (now, signal) =>
      slices('metrics.settle', signal, () =>
        settleSlice(Math.floor((now.getTime() - LATE_MS) / SLOT_MS)),
      ),
    roll: (now, signal) =>
      slices('metrics.roll', signal, () =>
        rollSlice(Math.floor((now.getTime() - LATE_MS - SLOT_MS) / DAY_MS)),
      ),
    async prune(now) {
      const today = Math.floor(now.getTime() / DAY_MS);
      const { rows: kept } = await db.pool.query<{ raw: number; minute: number; hour: number }>(
        `SELECT greatest(max(raw_days), $1)::int AS raw, greatest(max(minute_days), $2)::int AS minute,
                greatest(max(hour_days), $3)::int AS hour FROM metric_names`,
        [defaultDays.raw, defaultDays.minute, defaultDays.hour],
      );
      const most = kept[0] ?? defaultDays;
      const tables = [
        {
          table: 'metric_chunks',
          days: most.raw,
          span: 1,
          column: 'raw_days',
          day: `slot / ${SLOTS_PER_DAY}`,
          usual: defaultDays.raw,
        },
        {
          table: 'metric_minutes',
          days: most.minute,
          span: 1,
          column: 'minute_days',
          day: 'day',
          usual: defaultDays.minute,
        },
        {
          table: 'metric_hours',
          days: most.hour,
          span: DAYS_PER_MONTH,
          column: 'hour_days',
          day: 'day',
          usual: defaultDays.hour,
        },
      ] as const;
      const gone: string[] = [];
      for (const { table, days, span, column, day, usual } of tables) {
        for (const { name } of await partitions.of([table])) {
          const key = Number(name.slice(table.length + 1));
          if ((key + 1) * span > today - days) continue;
          await partitions.drop(name);
          gone.push(name);
        }
        // Those that are kept shorter than the longest.
        await db.pool.query(
          `DELETE FROM ${table} t USING metric_series s, metric_names m
           WHERE s.id = t.series_id AND m.id = s.metric_id AND ${day} < $1 - coalesce(m.${column}, $2)
             AND ($3 > $2 OR m.${column} IS NOT NULL)`,
          [today, usual, days],
        );
      }
      await db.pool.query('DELETE FROM metric_fresh WHERE slot < $1', [
        (today - most.raw) * SLOTS_PER_DAY,
      ]);
      await db.pool.query(
        `DELETE FROM metric_writers w WHERE started_at < $1
           AND NOT EXISTS (SELECT 1 FROM metric_batches b WHERE b.writer_id = w.id)
           AND pg_try_advisory_xact_lock(${0x776a}, w.id)`,
        [new Date(now.getTime() - DAY_MS)],
      );
      return gone;
    },
  };
}

async function insertChunks(client: pg.PoolClient, table: string, list: ChunkList): Promise<void> {
  const { series, slots, samples, offsets } = list;
  for (let from = 0; from < series.length; from += 20_000) {
    const to = Math.min(series.length, from + 20_000);
    const first = offsets[from] ?? 0;
    const bytes = Buffer.from(
      list.bytes.buffer,
      list.bytes.byteOffset + first,
      (offsets[to] ?? 0) - first,
    );
    const index = Array.from({ length: to - from }, (_, i) => from + i);
    // One blob that PostgreSQL cuts up: an array of blobs would travel as text, at twice the size.
    await client.query(
      `INSERT INTO ${table} (series_id, slot, samples, data)
       SELECT s, sl, n, substring($1::bytea FROM o FOR l)
       FROM unnest($2::int[], $3::int[], $4::int[], $5::int[], $6::int[]) AS w(s, sl, n, o, l)`,
      [
        bytes,
        index.map((i) => series[i]),
        index.map((i) => slots[i]),
        index.map((i) => samples[i]),
        index.map((i) => (offsets[i] ?? 0) - first + 1),
        index.map((i) => (offsets[i + 1] ?? 0) - (offsets[i] ?? 0)),
      ],
    );
  }
}

/** Parts behind one another, with their places counted from 1. */
function blob(parts: readonly Uint8Array[]): {
  bytes: Buffer;
  starts: number[];
  lengths: number[];
} {
  let at = 1;
  const starts = parts.map((part) => {
    const start = at;
    at += part.length;
    return start;
  });
  return { bytes: Buffer.concat(parts), starts, lengths: parts.map(({ length }) => length) };
}
