/**
 * Events in PostgreSQL: written by group commit (what arrives while one statement runs goes with the next), a partition
 * a day, dropped whole after seven days.
 */
import type { Page } from '../api/contract.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { createPartitions } from '../platform/db/partitions.ts';
import { transaction } from '../platform/db/transaction.ts';
import { AppError, isUnreachable } from '../platform/errors.ts';
import { type EventsInput, KEEP_DAYS, type TelemetryEvent } from './contract.ts';
import type { EventRow } from './events.ts';

const DAY_MS = 86_400_000;
const TABLE = 'telemetry_events';
/** Rows that may wait for their turn. */
const MAX_WAITING = 100_000;
const MAX_STATEMENT = 5_000;
/** Spans of the last while that are known to be committed, against a request that is sent again. */
const MAX_REMEMBERED = 50_000;
const READ_TIMEOUT_MS = 10_000;

export type EventStore = {
  /** Resolves once all rows are committed. Throws TOO_MANY_REQUESTS or SERVICE_UNAVAILABLE; then none was taken. */
  write(rows: readonly EventRow[]): Promise<void>;
  list(input: EventsInput): Promise<Page<TelemetryEvent>>;
  /** Makes the partitions of today and tomorrow, drops old ones; answers the names of those. */
  prune(now: Date): Promise<string[]>;
  waiting(): number;
  /** Waits for what is being written. */
  close(): Promise<void>;
};

type Waiting = {
  rows: readonly EventRow[];
  resolve: () => void;
  reject: (error: unknown) => void;
};

const dayOf = (at: number): number => Math.floor(at / DAY_MS);
const isoDay = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);
const partitionOf = (day: number): string => `${TABLE}_${isoDay(day).replaceAll('-', '')}`;
/** With microseconds, which `Date` does not have. */
const instant = (at: number): string => {
  const micros = Math.round(at * 1_000);
  const whole = Math.floor(micros / 1_000);
  const rest = String(micros - whole * 1_000).padStart(3, '0');
  return `${new Date(whole).toISOString().slice(0, -1)}${rest}Z`;
};

export function createEventStore(deps: { db: Db; clock: Clock }): EventStore {
  const { db } = deps;
  const partitions = createPartitions(db.pool);
  const remembered = new Set<string>();
  /** Spans whose commit was not heard of: they may stand there when they are sent again. */
  const doubtful = new Set<string>();
  const queue: Waiting[] = [];
  let waiting = 0;
  let writing: Promise<void> | null = null;

  const ensure = (day: number): Promise<void> =>
    partitions.ensure({
      table: TABLE,
      name: partitionOf(day),
      from: `${isoDay(day)}T00:00:00Z`,
      to: `${isoDay(day + 1)}T00:00:00Z`,
    });
  const insert = async (rows: readonly EventRow[]): Promise<void> => {
    for (const day of new Set(rows.map(({ at }) => dayOf(at)))) await ensure(day);
    const column = <T>(pick: (row: EventRow) => T): T[] => rows.map(pick);
    await db.pool.query({
      name: 'telemetry-insert',
      text: `INSERT INTO ${TABLE} (at, kind, service, name, duration_ms, status, trace_id, span_id, parent_id, body, attributes)
             SELECT at::timestamptz, kind, service, name, duration, status, decode(trace, 'hex'), decode(span, 'hex'),
                    decode(parent, 'hex'), body, attributes::jsonb
             FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::text[], $7::text[], $8::text[],
                         $9::text[], $10::text[], $11::text[])
               AS t(at, kind, service, name, duration, status, trace, span, parent, body, attributes)`,
      values: [
        column((row) => instant(row.at)),
        column((row) => row.kind),
        column((row) => row.service),
        column((row) => row.name),
        column((row) => row.durationMs),
        column((row) => row.status),
        column((row) => row.traceId),
        column((row) => row.spanId),
        column((row) => row.parentId),
        column((row) => row.body),
        column((row) => JSON.stringify(row.attributes)),
      ],
    });
  };
  const identity = (row: EventRow): string | null =>
    row.kind === 'span' ? `${row.traceId}${row.spanId}` : null;
  const add = (to: Set<string>, rows: readonly EventRow[]) => {
    for (const row of rows) {
      const id = identity(row);
      if (id !== null) to.add(id);
    }
    for (const oldest of to) {
      if (to.size <= MAX_REMEMBERED) break;
      to.delete(oldest);
    }
  };
  /** Without what an earlier attempt has committed after all. */
  const certain = async (rows: readonly EventRow[]): Promise<readonly EventRow[]> => {
    const spans = rows.filter((row) => doubtful.has(identity(row) ?? ''));
    if (spans.length === 0) return rows;
    const found = await db.pool.query<{ id: string }>(
      `SELECT encode(trace_id, 'hex') || encode(span_id, 'hex') AS id FROM ${TABLE}
       WHERE trace_id IN (SELECT decode(t, 'hex') FROM unnest($1::text[]) AS t) AND kind = 'span'
         AND at BETWEEN $2::timestamptz AND $3::timestamptz`,
      [
        [...new Set(spans.map(({ traceId }) => traceId))],
        instant(Math.min(...spans.map(({ at }) => at))),
        instant(Math.max(...spans.map(({ at }) => at))),
      ],
    );
    const there = new Set(found.rows.map(({ id }) => id));
    // The events of a span were committed with it.
    return rows.filter((row) => row.kind === 'log' || !there.has(`${row.traceId}${row.spanId}`));
  };

  const run = async (): Promise<void> => {
    while (queue.length > 0) {
      const batch: Waiting[] = [];
      let size = 0;
      while (queue[0] && (size === 0 || size + queue[0].rows.length <= MAX_STATEMENT)) {
        const next = queue.shift();
        if (!next) break;
        batch.push(next);
        size += next.rows.length;
      }
      try {
        const rows = await certain(batch.flatMap((one) => one.rows));
        if (rows.length > 0) await insert(rows);
        for (const one of batch) {
          add(remembered, one.rows);
          for (const row of one.rows) doubtful.delete(identity(row) ?? '');
          one.resolve();
        }
      } catch (cause) {
        const error = isUnreachable(cause)
          ? new AppError(
              'SERVICE_UNAVAILABLE',
              'Events cannot be stored right now. Send them again.',
              {
                cause,
              },
            )
          : cause;
        for (const { rows, reject } of batch) {
          add(doubtful, rows);
          reject(error);
        }
      }
      waiting -= size;
    }
    writing = null;
  };

  return {
    async write(rows) {
      const fresh = rows.filter((row) => {
        const id = identity(row);
        // The events of a span come with it, once.
        if (row.kind === 'event') return !remembered.has(`${row.traceId}${row.spanId}`);
        return id === null || !remembered.has(id);
      });
      if (fresh.length === 0) return;
      if (waiting > 0 && waiting + fresh.length > MAX_WAITING) {
        throw new AppError(
          'TOO_MANY_REQUESTS',
          'More events come than can be stored. Send them again later.',
        );
      }
      if (!db.status().up) {
        throw new AppError(
          'SERVICE_UNAVAILABLE',
          'Events cannot be stored right now. Send them again.',
        );
      }
      waiting += fresh.length;
      await new Promise<void>((resolve, reject) => {
        queue.push({ rows: fresh, resolve, reject });
        writing ??= run();
      });
    },
    async list(input) {
      const values: unknown[] = [];
      const where: string[] = [];
      const add = (sql: (place: string) => string, value: unknown) => {
        values.push(value);
        where.push(sql(`$${values.length}`));
      };
      if (input.kind) add((p) => `kind = ${p}`, input.kind);
      if (input.service) add((p) => `service = ${p}`, input.service);
      if (input.name) add((p) => `name = ${p}`, input.name);
      if (input.status) add((p) => `status = ${p}`, input.status);
      if (input.traceId) add((p) => `trace_id = decode(${p}, 'hex')`, input.traceId);
      if (input.minDurationMs !== undefined)
        add((p) => `duration_ms >= ${p}::float8`, input.minDurationMs);
      if (input.search) add((p) => `strpos(lower(body), lower(${p})) > 0`, input.search);
      for (const [name, value] of Object.entries(input.attributes ?? {})) {
        values.push(name, String(value));
        where.push(`attributes ->> $${values.length - 1} = $${values.length}`);
      }
      const oldest = deps.clock.now().getTime() - KEEP_DAYS * DAY_MS;
      const from = Math.max(oldest, input.from ? Date.parse(input.from) : 0);
      add((p) => `at >= ${p}::timestamptz`, new Date(from).toISOString());
      if (input.to) add((p) => `at < ${p}::timestamptz`, new Date(input.to).toISOString());
      if (input.cursor) {
        const [micros = '0', id = '0'] = input.cursor.split('.');
        values.push(instant(Number(micros) / 1_000), id);
        where.push(`(at, id) < ($${values.length - 1}::timestamptz, $${values.length}::bigint)`);
      }
      values.push(input.limit + 1);
      const { rows } = await inTime<Row>(
        `SELECT id::text AS row_id, kind, (extract(epoch FROM at) * 1000000)::bigint::text AS micros, service, name, duration_ms, status,
                encode(trace_id, 'hex') AS trace_id, encode(span_id, 'hex') AS span_id,
                encode(parent_id, 'hex') AS parent_id, body, attributes
         FROM ${TABLE} WHERE ${where.join(' AND ')} ORDER BY at DESC, id DESC LIMIT $${values.length}`,
        values,
      );
      const page = rows.slice(0, input.limit);
      const last = page.at(-1);
      return {
        items: page.map(toEvent),
        nextCursor: rows.length > input.limit && last ? `${last.micros}.${last.row_id}` : null,
      };
    },
    async prune(now) {
      for (const ahead of [0, 1]) await ensure(dayOf(now.getTime()) + ahead);
      const gone: string[] = [];
      for (const { name } of await partitions.of([TABLE])) {
        const match = /_(\d{4})(\d\d)(\d\d)$/.exec(name);
        const day =
          match && dayOf(Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])));
        if (day === null || (day + 1) * DAY_MS > now.getTime() - KEEP_DAYS * DAY_MS) continue;
        await partitions.drop(name);
        gone.push(name);
      }
      return gone;
    },
    waiting: () => waiting,
    async close() {
      await writing;
    },
  };

  /** A question that reads too much is cut off, with a hint. */
  async function inTime<T extends object>(text: string, values: unknown[]): Promise<{ rows: T[] }> {
    try {
      return await transaction(
        db.pool,
        async (client) => {
          await client.query(`SET LOCAL statement_timeout = ${READ_TIMEOUT_MS}`);
          const { rows } = await client.query<T>(text, values);
          return { rows };
        },
        'READ ONLY',
      );
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === '57014') {
        throw new AppError(
          'BAD_REQUEST',
          'That reads too many events; narrow the time or the service.',
        );
      }
      throw error;
    }
  }
}

type Row = {
  // Not `id`, or the rows would be ordered by this text.
  row_id: string;
  kind: TelemetryEvent['kind'];
  micros: string;
  service: string;
  name: string;
  duration_ms: number | null;
  status: string;
  trace_id: string | null;
  span_id: string | null;
  parent_id: string | null;
  body: string | null;
  attributes: TelemetryEvent['attributes'];
};

function toEvent(row: Row): TelemetryEvent {
  const at = Number(row.micros) / 1_000;
  return {
    id: row.row_id,
    kind: row.kind,
    at: new Date(at).toISOString(),
    startedAt: new Date(at - (row.duration_ms ?? 0)).toISOString(),
    service: row.service,
    name: row.name,
    durationMs: row.duration_ms,
    status: row.status,
    traceId: row.trace_id,
    spanId: row.span_id,
    parentId: row.parent_id,
    body: row.body,
    attributes: row.attributes,
  };
}
