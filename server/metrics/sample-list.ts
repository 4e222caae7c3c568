/** Drill-down: the samples behind a query, one by one, oldest first, a page at a time. */
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { Catalog } from './catalog.ts';
import type { SampleItem, SamplesInput } from './contract.ts';
import { labelTest, passes, regexFault, valueTests } from './filters.ts';
import type { Run } from './head.ts';
import type { Others } from './others.ts';
import { badField, rangeOf } from './query.ts';
import { chunkList, DAY_MS, decodeList, joined, SLOT_MS, slotOf } from './samples.ts';
import type { Wal } from './wal.ts';

/** Chunks that one page may read. */
const MAX_CHUNKS = 2_000;

export function createSampleReader(deps: {
  db: Db;
  clock: Clock;
  catalog: Catalog;
  wal: Wal;
  others: Others;
}) {
  const { db, clock, catalog, wal, others } = deps;
  return async (
    input: SamplesInput,
  ): Promise<{ items: SampleItem[]; nextCursor: string | null }> => {
    if (input.sourceId !== undefined) {
      throw badField('sourceId', 'Samples can only be listed from the console’s own store');
    }
    input.filters.forEach(({ op, value }, i) => {
      const fault = op === 'regex' ? regexFault(String(value)) : null;
      if (fault) throw badField(`filters.${i}.value`, fault);
    });
    const now = clock.now().getTime();
    const range = rangeOf(input.timeRange, now);
    const cursor = readCursor(input.cursor);
    let info = await catalog.find(input.metric);
    // What stands behind the figures of a histogram are its buckets.
    if (info?.kind === 'histogram' && (await catalog.series(info)).length === 0) {
      info = await catalog.find(`${input.metric}_bucket`);
    }
    if (!info) return { items: [], nextCursor: null };
    const matches = labelTest(input.filters);
    const tests = valueTests(input.filters);
    const series = (await catalog.series(info)).filter(({ labels }) => matches(labels));
    const ids = series.map(({ id }) => id);
    await wal.open();
    await others.refresh(wal.writerId());
    const toMs = range.toMs;
    let fromMs = Math.max(range.fromMs, cursor?.at ?? 0, now - info.keepDays.raw * DAY_MS - DAY_MS);
    // Slot by slot, until a page is full.
    const items: (SampleItem & { time: number; id: number })[] = [];
    while (fromMs < toMs && items.length <= input.limit) {
      const slot = await nextSlot(ids, fromMs, toMs);
      const recentFrom = slot === null ? fromMs : Math.max(fromMs, slot * SLOT_MS);
      const start = Math.min(recentFrom, firstRecent(ids, fromMs, toMs));
      if (start >= toMs) break;
      const end = Math.min(toMs, (slotOf(start) + 1) * SLOT_MS);
      const chunks = await chunksOf(ids, slotOf(start));
      for (const one of series) {
        const run = joined([
          ...(chunks.get(one.id) ?? []),
          others.read(one.id, start, end) ?? {
            times: new Float64Array(0),
            values: new Float64Array(0),
          },
          wal.head.read(one.id, start, end),
        ]);
        run.times.forEach((time, i) => {
          const value = run.values[i] ?? Number.NaN;
          if (time < fromMs || time < start || time >= end || !passes(value, tests)) return;
          if (cursor && (time < cursor.at || (time === cursor.at && one.id <= cursor.id))) return;
          items.push({
            time,
            id: one.id,
            at: new Date(time).toISOString(),
            value: Number.isFinite(value) ? value : null,
            text: String(value),
            labels: one.labels,
          });
        });
      }
      fromMs = end;
    }
    items.sort((a, b) => a.time - b.time || a.id - b.id);
    const page = items.slice(0, input.limit);
    const last = page.at(-1);
    return {
      items: page.map(({ time: _time, id: _id, ...item }) => item),
      nextCursor: items.length > input.limit && last ? `${last.time}:${last.id}` : null,
    };
  };

  async function nextSlot(
    ids: readonly number[],
    fromMs: number,
    toMs: number,
  ): Promise<number | null> {
    const { rows } = await db.pool.query<{ slot: number | null }>(
      `SELECT least((SELECT min(slot) FROM metric_chunks WHERE series_id = ANY($1) AND slot BETWEEN $2 AND $3),
                    (SELECT min(slot) FROM metric_fresh WHERE series_id = ANY($1) AND slot BETWEEN $2 AND $3)) AS slot`,
      [ids, slotOf(fromMs), slotOf(toMs - 1)],
    );
    return rows[0]?.slot ?? null;
  }
  function firstRecent(ids: readonly number[], from: number, to: number): number {
    let first = to;
    for (const id of ids) {
      for (const run of [others.read(id, from, to), wal.head.read(id, from, to)]) {
        for (const at of run?.times ?? []) first = Math.min(first, at);
      }
    }
    return first;
  }
  async function chunksOf(ids: readonly number[], slot: number): Promise<Map<number, Run[]>> {
    const { rows } = await db.pool.query<{
      id: string;
      series_id: number;
      slot: number;
      data: Buffer;
    }>(
      `SELECT 0::bigint AS id, series_id, slot, data FROM metric_chunks WHERE series_id = ANY($1) AND slot = $2
       UNION ALL SELECT id, series_id, slot, data FROM metric_fresh WHERE series_id = ANY($1) AND slot = $2
       ORDER BY id LIMIT ${MAX_CHUNKS}`,
      [ids, slot],
    );
    const out = new Map<number, Run[]>();
    decodeList(chunkList(rows)).forEach((run, i) => {
      const id = rows[i]?.series_id ?? 0;
      out.set(id, [...(out.get(id) ?? []), run]);
    });
    return out;
  }
}

function readCursor(cursor: string | null | undefined): { at: number; id: number } | null {
  if (!cursor) return null;
  const match = /^(\d{1,16}(?:\.\d{1,6})?):(\d{1,10})$/.exec(cursor);
  if (!match) throw badField('cursor', 'Take it from nextCursor of the previous page');
  return { at: Number(match[1]), id: Number(match[2]) };
}
