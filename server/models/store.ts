/**
 * Predictions and labels in PostgreSQL. Written by group commit, one writer for a model at a time over all replicas, so that a label
 * and its prediction that arrive together find each other. What a call was answered is committed.
 */
import type pg from 'pg';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { createPartitions } from '../platform/db/partitions.ts';
import { transaction } from '../platform/db/transaction.ts';
import { AppError, isUnreachable } from '../platform/errors.ts';
import { MAX_PREDICTIONS, MAX_WAITING_LABELS, WAITING_DAYS } from './contract.ts';
import { type LabelRow, type PredictionRow, slotOf } from './rows.ts';

const DAY_MS = 86_400_000;
const TABLE = 'model_predictions';
/** First of the two keys of the lock that a writer of a model holds; the second is the model's number. */
const WRITER_LOCK = 0x6d6f64;
/** Rows that may wait for their turn, over all models. */
const MAX_QUEUED = 100_000;
const DELETE_BATCH = 20_000;
const AWAY = 'Predictions cannot be stored right now. Send them again.';

type Written = { accepted: number; repeated: number; waiting: number; refused: number };
type Item =
  | { kind: 'predictions'; rows: readonly PredictionRow[] }
  | { kind: 'labels'; rows: readonly LabelRow[] };
type Waiting = Item & { resolve: (written: Written) => void; reject: (error: unknown) => void };

export type PredictionStore = {
  /** Resolves once committed. Throws TOO_MANY_REQUESTS or SERVICE_UNAVAILABLE; then nothing was taken. */
  write(modelNo: number, item: Item): Promise<Written>;
  /** Drops and deletes what is older than each model keeps; answers how many rows and partitions went. */
  prune(
    now: Date,
    kept: ReadonlyMap<number, number>,
  ): Promise<{ rows: number; partitions: number }>;
  close(): Promise<void>;
};

const dayOf = (at: number): number => Math.floor(at / DAY_MS);
const isoDay = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);
const partitionOf = (day: number): string => `${TABLE}_${isoDay(day).replaceAll('-', '')}`;
const numbersLiteral = (list: readonly (number | null)[]): string =>
  `{${list.map((value) => (value === null || Number.isNaN(value) ? 'NULL' : String(value))).join(',')}}`;
const textsLiteral = (list: readonly (string | null)[]): string =>
  `{${list.map((value) => (value === null ? 'NULL' : `"${value.replace(/[\\"]/g, '\\$&')}"`)).join(',')}}`;

export function createPredictionStore(deps: { db: Db; clock: Clock }): PredictionStore {
  const { db, clock } = deps;
  const partitions = createPartitions(db.pool);
  const queues = new Map<number, Waiting[]>();
  const running = new Set<Promise<void>>();
  let queued = 0;

  const insertPredictions = async (
    client: pg.PoolClient,
    modelNo: number,
    rows: readonly PredictionRow[],
  ): Promise<Set<string>> => {
    const fresh = await client.query<{ id: string }>({
      name: 'model-keys',
      text: `INSERT INTO model_prediction_keys (model_no, id, at)
             SELECT $1, id, at::timestamptz FROM unnest($2::text[], $3::text[]) AS t(id, at)
             ON CONFLICT DO NOTHING RETURNING id`,
      values: [modelNo, rows.map(({ id }) => id), rows.map(({ at }) => new Date(at).toISOString())],
    });
    const known = new Set(fresh.rows.map(({ id }) => id));
    if (known.size === 0) return known;
    const labels = await client.query<{ id: string; label: string; at: Date }>({
      name: 'model-labels-waiting',
      text: `DELETE FROM model_labels_waiting WHERE model_no = $1 AND id = ANY($2::text[]) RETURNING id, label, at`,
      values: [modelNo, [...known]],
    });
    const labelOf = new Map(labels.rows.map((row) => [row.id, row]));
    const open = new Set(known);
    const chosen = rows.filter(({ id }) => open.delete(id));
    const column = <T>(pick: (row: PredictionRow) => T): T[] => chosen.map(pick);
    await client.query({
      name: 'model-predictions',
      text: `INSERT INTO ${TABLE} (model_no, at, id, slot, version, numbers, texts, tags, prediction, score, label, labelled_at)
             SELECT $1, at::timestamptz, id, slot, version, numbers::float8[], texts::text[], tags::jsonb, prediction, score,
                    label, labelled::timestamptz
             FROM unnest($2::text[], $3::text[], $4::int2[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                         $10::float8[], $11::text[], $12::text[])
               AS t(at, id, slot, version, numbers, texts, tags, prediction, score, label, labelled)`,
      values: [
        modelNo,
        column(({ at }) => new Date(at).toISOString()),
        column(({ id }) => id),
        column(({ id }) => slotOf(id)),
        column(({ version }) => version),
        column(({ numbers }) => numbersLiteral(numbers)),
        column(({ texts }) => textsLiteral(texts)),
        column(({ tags }) => (tags === null ? null : JSON.stringify(tags))),
        column(({ prediction }) => prediction),
        column(({ score }) => score),
        column(({ id }) => labelOf.get(id)?.label ?? null),
        column(({ id }) => labelOf.get(id)?.at.toISOString() ?? null),
      ],
    });
    return known;
  };
  /** Ids of labels whose predictions are not there yet, and how many of them found no room. */
  const insertLabels = async (
    client: pg.PoolClient,
    modelNo: number,
    rows: readonly LabelRow[],
  ): Promise<{ waiting: Set<string>; refused: Set<string> }> => {
    // Of two labels of one prediction the later in the call holds.
    const last = new Map(rows.map((row) => [row.id, row]));
    const found = await client.query<{ id: string; at: Date }>({
      name: 'model-label-keys',
      text: `SELECT id, at FROM model_prediction_keys WHERE model_no = $1 AND id = ANY($2::text[])`,
      values: [modelNo, [...last.keys()]],
    });
    const known = found.rows.flatMap(({ id, at }) => {
      const row = last.get(id);
      return row ? [{ row, made: at.toISOString() }] : [];
    });
    if (known.length > 0) {
      const times = known.map(({ made }) => made).sort();
      await client.query({
        name: 'model-labels',
        text: `UPDATE ${TABLE} p SET label = t.label, labelled_at = t.at::timestamptz
               FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS t(id, made, label, at)
               WHERE p.model_no = $1 AND p.at = t.made::timestamptz AND p.id = t.id
                 AND p.at BETWEEN $6::timestamptz AND $7::timestamptz AND p.label IS DISTINCT FROM t.label`,
        values: [
          modelNo,
          known.map(({ row }) => row.id),
          known.map(({ made }) => made),
          known.map(({ row }) => row.label),
          known.map(({ row }) => new Date(row.at).toISOString()),
          times[0],
          times.at(-1),
        ],
      });
    }
    const there = new Set(found.rows.map(({ id }) => id));
    const early = [...last.values()].filter(({ id }) => !there.has(id));
    if (early.length === 0) return { waiting: new Set(), refused: new Set() };
    const counted = await client.query<{ count: number; known: string[] | null }>(
      `SELECT count(*)::int AS count, array_agg(id) FILTER (WHERE id = ANY($2::text[])) AS known
       FROM model_labels_waiting WHERE model_no = $1`,
      [modelNo, early.map(({ id }) => id)],
    );
    const before = new Set(counted.rows[0]?.known ?? []);
    let room = MAX_WAITING_LABELS - (counted.rows[0]?.count ?? 0);
    const kept = early.filter(({ id }) => before.has(id) || room-- > 0);
    await client.query(
      `INSERT INTO model_labels_waiting (model_no, id, label, at, received_at)
       SELECT $1, id, label, at::timestamptz, $5 FROM unnest($2::text[], $3::text[], $4::text[]) AS t(id, label, at)
       ON CONFLICT (model_no, id) DO UPDATE SET label = excluded.label, at = excluded.at`,
      [
        modelNo,
        kept.map(({ id }) => id),
        kept.map(({ label }) => label),
        kept.map(({ at }) => new Date(at).toISOString()),
        clock.now(),
      ],
    );
    const waiting = new Set(kept.map(({ id }) => id));
    return {
      waiting,
      refused: new Set(early.map(({ id }) => id).filter((id) => !waiting.has(id))),
    };
  };

  const commit = async (modelNo: number, batch: readonly Waiting[]): Promise<Written[]> => {
    const days = new Set(
      batch.flatMap((one) =>
        one.kind === 'predictions' ? one.rows.map(({ at }) => dayOf(at)) : [],
      ),
    );
    for (const day of days) {
      await partitions.ensure({
        table: TABLE,
        name: partitionOf(day),
        from: `${isoDay(day)}T00:00:00Z`,
        to: `${isoDay(day + 1)}T00:00:00Z`,
      });
    }
    return transaction(db.pool, async (client) => {
      await client.query('SELECT pg_advisory_xact_lock($1, $2)', [WRITER_LOCK, modelNo]);
      const rows = batch.flatMap((one) => (one.kind === 'predictions' ? one.rows : []));
      const fresh = rows.length > 0 ? await insertPredictions(client, modelNo, rows) : new Set();
      const labels = batch.flatMap((one) => (one.kind === 'labels' ? one.rows : []));
      const placed =
        labels.length > 0
          ? await insertLabels(client, modelNo, labels)
          : { waiting: new Set<string>(), refused: new Set<string>() };
      return batch.map((one): Written => {
        if (one.kind === 'labels') {
          const refused = one.rows.filter(({ id }) => placed.refused.has(id)).length;
          const waiting = one.rows.filter(({ id }) => placed.waiting.has(id)).length;
          return { accepted: one.rows.length - refused, repeated: 0, waiting, refused };
        }
        const accepted = one.rows.filter(({ id }) => fresh.delete(id)).length;
        return { accepted, repeated: one.rows.length - accepted, waiting: 0, refused: 0 };
      });
    });
  };

  const run = async (modelNo: number, queue: Waiting[]): Promise<void> => {
    while (queue.length > 0) {
      const batch: Waiting[] = [];
      let size = 0;
      for (let next = queue[0]; next; next = queue[0]) {
        if (size > 0 && size + next.rows.length > MAX_PREDICTIONS) break;
        // A label that was sent after its prediction is stored after it.
        if (next.kind === 'predictions' && batch.some(({ kind }) => kind === 'labels')) break;
        batch.push(next);
        queue.shift();
        size += next.rows.length;
      }
      try {
        const written = await commit(modelNo, batch);
        batch.forEach(({ resolve }, place) => {
          resolve(written[place] ?? { accepted: 0, repeated: 0, waiting: 0, refused: 0 });
        });
      } catch (cause) {
        const error = isUnreachable(cause)
          ? new AppError('SERVICE_UNAVAILABLE', AWAY, { cause })
          : cause;
        for (const { reject } of batch) reject(error);
      }
      queued -= size;
    }
    queues.delete(modelNo);
  };

  return {
    async write(modelNo, item) {
      if (item.rows.length === 0) return { accepted: 0, repeated: 0, waiting: 0, refused: 0 };
      if (queued > 0 && queued + item.rows.length > MAX_QUEUED) {
        throw new AppError(
          'TOO_MANY_REQUESTS',
          'More comes than can be stored. Send it again later.',
        );
      }
      if (!db.status().up) throw new AppError('SERVICE_UNAVAILABLE', AWAY);
      queued += item.rows.length;
      return new Promise<Written>((resolve, reject) => {
        const queue = queues.get(modelNo);
        if (queue) {
          queue.push({ ...item, resolve, reject });
          return;
        }
        const begun: Waiting[] = [{ ...item, resolve, reject }];
        queues.set(modelNo, begun);
        const work = run(modelNo, begun).finally(() => running.delete(work));
        running.add(work);
      });
    },
    async prune(now, kept) {
      const longest = Math.max(0, ...kept.values());
      let dropped = 0;
      for (const { name } of await partitions.of([TABLE])) {
        const match = /_(\d{4})(\d\d)(\d\d)$/.exec(name);
        if (!match) continue;
        const end = Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3]) + 1);
        if (end > now.getTime() - longest * DAY_MS) continue;
        await partitions.drop(name);
        dropped++;
      }
      let rows = 0;
      const inBatches = async (sql: string, values: unknown[]) => {
        for (;;) {
          const { rowCount } = await db.pool.query(sql, [...values, DELETE_BATCH]);
          rows += rowCount ?? 0;
          if ((rowCount ?? 0) < DELETE_BATCH) return;
        }
      };
      const models = [...kept.keys()];
      // From model to model by the index: a look at every row would be one at millions, each hour.
      const known = await db.pool.query<{ model_no: number }>(
        `WITH RECURSIVE m AS (
           (SELECT model_no FROM model_prediction_keys ORDER BY model_no LIMIT 1)
           UNION ALL SELECT (SELECT k.model_no FROM model_prediction_keys k WHERE k.model_no > m.model_no ORDER BY k.model_no LIMIT 1)
           FROM m WHERE m.model_no IS NOT NULL)
         SELECT model_no FROM m WHERE model_no IS NOT NULL`,
      );
      // Of a model that is gone nothing is kept.
      const all = known.rows.map(({ model_no: no }) => [no, kept.get(no) ?? null] as const);
      for (const table of [TABLE, 'model_prediction_keys']) {
        for (const [modelNo, days] of all) {
          await inBatches(
            `DELETE FROM ${table} WHERE model_no = $1 AND (at, id) IN (
               SELECT at, id FROM ${table} WHERE model_no = $1 AND at < $2::timestamptz LIMIT $3)`,
            [
              modelNo,
              days === null ? 'infinity' : new Date(now.getTime() - days * DAY_MS).toISOString(),
            ],
          );
        }
      }
      const { rowCount } = await db.pool.query(
        'DELETE FROM model_labels_waiting WHERE received_at < $1 OR model_no <> ALL($2::int[])',
        [new Date(now.getTime() - WAITING_DAYS * DAY_MS), models],
      );
      return { rows: rows + (rowCount ?? 0), partitions: dropped };
    },
    async close() {
      await Promise.all(running);
    },
  };
}
