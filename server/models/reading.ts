/**
 * Reads windows of predictions: exact counts, and rows up to a bound; of more, a fair sample by the slot of their ids. Rows are
 * worked off in slices, so that nothing else waits for a large window.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import type { Db } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import type { PredictionCounts } from './contract.ts';
import type { StoredFeature } from './features.ts';

const SLICE = 5_000;
const DAY_MS = 86_400_000;
const SLOTS = 32_768;

export type Range = { from: Date; to: Date };
export type WindowColumn = { name: string } & (
  | { kind: 'numeric'; values: Float64Array }
  | { kind: 'categorical'; values: (string | null)[] }
);
/** In the order of their times; a missing number is NaN. */
export type PredictionWindow = {
  /** In the window, also those that are not among the rows. */
  total: number;
  times: Float64Array;
  columns: WindowColumn[];
};
/** Places in `labels`; of a regression the numbers themselves. */
export type LabelledRows = {
  total: number;
  times: Float64Array;
  predicted: string[];
  truth: string[];
  scores: Float64Array;
  segments: (string | null)[];
};

export type PredictionReader = {
  window(
    modelNo: number,
    range: Range,
    given: { features: readonly StoredFeature[]; maxRows: number; signal?: AbortSignal },
  ): Promise<PredictionWindow>;
  labelled(
    modelNo: number,
    range: Range,
    given: {
      /** Labelled ones of the range, as counted. */
      total: number;
      maxRows: number;
      segment: { place: number } | { tag: string } | null;
      version: string | null;
    },
  ): Promise<LabelledRows>;
  /** By step from `range.from`. */
  counts(
    modelNo: number,
    range: Range,
    given: { stepMs: number; pendingSince: Date; version: string | null },
  ): Promise<Map<number, PredictionCounts>>;
  /** Right answers of labelled predictions. */
  share(modelNo: number, range: Range): Promise<{ right: number; labelled: number }>;
  count(modelNo: number, range: Range): Promise<number>;
  /** Of the last day with predictions, newest first. */
  versions(modelNo: number, range: Range): Promise<string[]>;
  /** The time of the n-th prediction at or after a time, in either direction; null when there are fewer. */
  nth(
    modelNo: number,
    given: { after: Date; n: number } | { before: Date; n: number },
  ): Promise<Date | null>;
  /** First and last prediction. */
  ends(modelNo: number): Promise<{ first: Date; last: Date } | null>;
};

export function createPredictionReader(db: Db): PredictionReader {
  const one = async <T extends object>(text: string, values: unknown[]): Promise<T | undefined> => {
    try {
      return (await db.pool.query<T>(text, values)).rows[0];
    } catch (error) {
      throw tooLong(error);
    }
  };
  /**
   * Rows in the order of their times, in slices, day by day: of a whole day's partition the planner reads what it holds from front to
   * back. How many there are in all is bounded by the slots.
   */
  async function* slices<T extends object>(
    select: string,
    where: string,
    values: unknown[],
    range: Range,
  ): AsyncGenerator<T[]> {
    const n = values.length;
    const last = range.to.getTime();
    for (let from = range.from.getTime(); from < last; ) {
      const to = Math.min(last, (Math.floor(from / DAY_MS) + 1) * DAY_MS);
      const { rows } = await db.pool
        .query<T>(
          `SELECT at, id, ${select} FROM model_predictions WHERE ${where}
             AND at >= $${n + 1} AND at < $${n + 2} ORDER BY at, id`,
          [...values, new Date(from), new Date(to)],
        )
        .catch((error) => {
          throw tooLong(error);
        });
      for (let at = 0; at < rows.length; at += SLICE) {
        yield rows.slice(at, at + SLICE);
        await breathe();
      }
      from = to;
    }
  }
  /** Slots below this hold about `maxRows` of `total`. */
  const slotsFor = (total: number, maxRows: number): number =>
    total <= maxRows ? SLOTS : Math.max(1, Math.floor((SLOTS * maxRows) / total));
  const count: PredictionReader['count'] = async (modelNo, { from, to }) =>
    (
      await one<{ count: number }>(
        'SELECT count(*)::int AS count FROM model_predictions WHERE model_no = $1 AND at >= $2 AND at < $3',
        [modelNo, from, to],
      )
    )?.count ?? 0;

  return {
    count,
    async window(modelNo, range, { features, maxRows, signal }) {
      const total = await count(modelNo, range);
      const times: number[] = [];
      const read = features.map(({ name, kind, place }) =>
        kind === 'numeric'
          ? { name, kind, place, values: [] as number[] }
          : { name, kind, place, values: [] as (string | null)[] },
      );
      const slots = slotsFor(total, maxRows);
      for await (const rows of slices<{
        at: Date;
        id: string;
        numbers: string;
        texts: (string | null)[];
      }>(
        'numbers::text AS numbers, texts',
        'model_no = $1 AND slot < $2::int',
        [modelNo, slots],
        range,
      )) {
        signal?.throwIfAborted();
        for (const row of rows) {
          times.push(row.at.getTime());
          const numbers = row.numbers.slice(1, -1).split(',');
          for (const column of read) {
            if (column.kind === 'categorical') column.values.push(row.texts[column.place] ?? null);
            else {
              const text = numbers[column.place];
              column.values.push(
                text === undefined || text === '' || text === 'NULL' ? Number.NaN : Number(text),
              );
            }
          }
        }
      }
      return {
        total,
        times: Float64Array.from(times),
        columns: read.map(
          ({ name, ...column }): WindowColumn =>
            column.kind === 'numeric'
              ? { name, kind: 'numeric', values: Float64Array.from(column.values) }
              : { name, kind: 'categorical', values: column.values },
        ),
      };
    },
    async labelled(modelNo, range, { total, maxRows, segment, version }) {
      const rows: Omit<LabelledRows, 'total' | 'times' | 'scores'> & {
        times: number[];
        scores: number[];
      } = { times: [], predicted: [], truth: [], scores: [], segments: [] };
      const values: unknown[] = [modelNo, slotsFor(total, maxRows), version];
      let value = 'NULL::text';
      if (segment) {
        values.push('place' in segment ? segment.place + 1 : segment.tag);
        value = 'place' in segment ? 'texts[$4::int]' : 'tags ->> $4::text';
      }
      for await (const slice of slices<{
        at: Date;
        id: string;
        prediction: string;
        label: string;
        score: number | null;
        segment: string | null;
      }>(
        `prediction, label, score, ${value} AS segment`,
        'model_no = $1 AND slot < $2::int AND ($3::text IS NULL OR version = $3) AND label IS NOT NULL',
        values,
        range,
      )) {
        for (const row of slice) {
          rows.times.push(row.at.getTime());
          rows.predicted.push(row.prediction);
          rows.truth.push(row.label);
          rows.scores.push(row.score ?? Number.NaN);
          rows.segments.push(row.segment);
        }
      }
      return {
        ...rows,
        total,
        times: Float64Array.from(rows.times),
        scores: Float64Array.from(rows.scores),
      };
    },
    async counts(modelNo, { from, to }, { stepMs, pendingSince, version }) {
      const { rows } = await db.pool
        .query<{ step: number; predictions: number; labelled: number; pending: number }>(
          `SELECT floor(extract(epoch FROM at - $2::timestamptz) * 1000 / $4::float8)::int AS step, count(*)::int AS predictions,
                  count(label)::int AS labelled, (count(*) FILTER (WHERE label IS NULL AND at > $5))::int AS pending
           FROM model_predictions
           WHERE model_no = $1 AND at >= $2 AND at < $3 AND ($6::text IS NULL OR version = $6) GROUP BY 1`,
          [modelNo, from, to, stepMs, pendingSince, version],
        )
        .catch((error) => {
          throw tooLong(error);
        });
      return new Map(
        rows.map(({ step, predictions, labelled, pending }) => [
          step,
          { predictions, labelled, pending, unlabelled: predictions - labelled - pending },
        ]),
      );
    },
    async share(modelNo, { from, to }) {
      const found = await one<{ right: number; labelled: number }>(
        `SELECT (count(*) FILTER (WHERE label = prediction))::int AS right, count(label)::int AS labelled
         FROM model_predictions WHERE model_no = $1 AND at >= $2 AND at < $3`,
        [modelNo, from, to],
      );
      return found ?? { right: 0, labelled: 0 };
    },
    async versions(modelNo, { from, to }) {
      const found = await one<{ versions: string[] | null }>(
        `SELECT array_agg(version) AS versions FROM (
           SELECT version FROM model_predictions
           WHERE model_no = $1 AND version IS NOT NULL AND at < $3 AND at >= greatest($2::timestamptz, (
             SELECT at FROM model_predictions WHERE model_no = $1 AND at < $3 ORDER BY at DESC LIMIT 1) - interval '1 day')
           GROUP BY version ORDER BY max(at) DESC LIMIT 20) v`,
        [modelNo, from, to],
      );
      return found?.versions ?? [];
    },
    async nth(modelNo, given) {
      const ahead = 'after' in given;
      const found = await one<{ at: Date }>(
        `SELECT at FROM model_predictions WHERE model_no = $1 AND at ${ahead ? '>=' : '<'} $2
         ORDER BY at ${ahead ? 'ASC' : 'DESC'} OFFSET $3 LIMIT 1`,
        [modelNo, ahead ? given.after : given.before, given.n - 1],
      );
      return found?.at ?? null;
    },
    async ends(modelNo) {
      const found = await one<{ first: Date | null; last: Date | null }>(
        `SELECT (SELECT at FROM model_predictions WHERE model_no = $1 ORDER BY at LIMIT 1) AS first,
                (SELECT at FROM model_predictions WHERE model_no = $1 ORDER BY at DESC LIMIT 1) AS last`,
        [modelNo],
      );
      return found?.first && found.last ? { first: found.first, last: found.last } : null;
    },
  };
}

/** PostgreSQL's statement time-out is said as what it means. */
function tooLong(error: unknown): unknown {
  if (error instanceof Error && 'code' in error && error.code === '57014') {
    return new AppError('BAD_REQUEST', 'That reads too many predictions; choose a shorter range.');
  }
  return error;
}
