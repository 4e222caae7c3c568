/**
 * What other processes have acknowledged and not yet packed: their rows of the log, so that a query on any replica
 * sees every sample that any of them acknowledged. Decoded rows are kept until they are gone from the log.
 */
import type { Db } from '../platform/db/index.ts';
import { Columns, decodeBatch } from './batch.ts';
import type { Run } from './head.ts';

type Batch = { ids: Int32Array; times: Float64Array; values: Float64Array };
export type Others = {
  /** Fetches what is new; call before chunks are read. */
  refresh(writerId: number | null): Promise<void>;
  read(seriesId: number, from: number, to: number): Run | null;
  /** Samples that are held. */
  size(): number;
};

export function createOthers(db: Db): Others {
  const batches = new Map<string, Batch>();
  return {
    async refresh(writerId) {
      const { rows } = await db.pool.query<{ id: string }>({
        name: 'metrics-others',
        text: 'SELECT id::text FROM metric_batches WHERE writer_id <> $1',
        values: [writerId ?? 0],
      });
      const there = new Set(rows.map(({ id }) => id));
      for (const id of batches.keys()) if (!there.has(id)) batches.delete(id);
      const missing = [...there].filter((id) => !batches.has(id));
      if (missing.length === 0) return;
      const { rows: fresh } = await db.pool.query<{ id: string; samples: number; payload: Buffer }>(
        'SELECT id::text, samples, payload FROM metric_batches WHERE id = ANY($1::bigint[])',
        [missing],
      );
      for (const { id, samples, payload } of fresh) batches.set(id, bySeries(samples, payload));
    },
    read(seriesId, from, to) {
      const times: number[] = [];
      const values: number[] = [];
      for (const batch of batches.values()) {
        let low = 0;
        let high = batch.ids.length;
        while (low < high) {
          const middle = (low + high) >>> 1;
          if ((batch.ids[middle] ?? 0) < seriesId) low = middle + 1;
          else high = middle;
        }
        for (; batch.ids[low] === seriesId; low++) {
          const at = batch.times[low] ?? 0;
          if (at < from || at > to) continue;
          times.push(at);
          values.push(batch.values[low] ?? 0);
        }
      }
      return times.length === 0
        ? null
        : { times: Float64Array.from(times), values: Float64Array.from(values) };
    },
    size: () => [...batches.values()].reduce((sum, { ids }) => sum + ids.length, 0),
  };
}

function bySeries(samples: number, payload: Buffer): Batch {
  const columns = new Columns(samples);
  decodeBatch(payload, columns);
  const order = Uint32Array.from({ length: columns.count }, (_, i) => i).sort(
    (a, b) => (columns.ids[a] ?? 0) - (columns.ids[b] ?? 0) || a - b,
  );
  return {
    ids: Int32Array.from(order, (i) => columns.ids[i] ?? 0),
    times: Float64Array.from(order, (i) => columns.times[i] ?? 0),
    values: Float64Array.from(order, (i) => columns.values[i] ?? 0),
  };
}
