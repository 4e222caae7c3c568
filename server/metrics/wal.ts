/**
 * The write path. A sample is acknowledged when the row of the write-ahead log that holds it is committed; one row
 * holds everything that came while the row before was on its way (group commit). What is committed is in the recent
 * window (`Head`) from then on, until a flush has put it into chunks.
 *
 * Each process is a writer with an advisory lock. What a dead writer left is adopted by whoever notices first, so
 * nothing acknowledged is lost with a process. A sample may come twice (a client that sends again, an adoption while
 * the writer lived on): series and time are its identity, and readers and chunks keep one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { transaction } from '../platform/db/transaction.ts';
import { AppError } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import { Columns, decodeBatch, encodeBatch } from './batch.ts';
import { Head } from './head.ts';

/** First half of the advisory key; the second is the writer's id. */
const LOCK = 0x776a;
/** Samples that wait for a commit; more are refused. */
const MAX_WAITING = 1_000_000;
/** The recent window refuses more than this: flushes do not keep up. */
const MAX_HEAD = 2_000_000;
/** Rows of one writer that are joined into one. */
const JOIN_ROWS = 256;
const JOIN_BYTES = 128 * 1024;
const COMMIT_TIMEOUT_MS = 10_000;

type KnownBatch = { id: string; samples: number; bytes: number; joined: boolean };
export type Wal = {
  /** Resolves once committed. Refuses with TOO_MANY_REQUESTS or SERVICE_UNAVAILABLE; nothing was taken then. */
  write(columns: Columns): Promise<void>;
  head: Head;
  writerId(): number | null;
  /** Takes part: a row and a lock for this process; adopts what dead ones left. Again after a lost connection. */
  open(): Promise<void>;
  adopt(): Promise<number>;
  /** Rows that a flush puts into chunks, and the positions they end at. */
  flushable(): { end: number; batches: string[] };
  /** After the flush is committed. */
  flushed(end: number, batches: readonly string[]): void;
  stats(): { waiting: number; bytes: number; rows: number };
  close(): Promise<void>;
};

const busy = () =>
  new AppError('TOO_MANY_REQUESTS', 'More samples come than can be stored. Send them again later.');
const away = (cause: unknown) =>
  new AppError('SERVICE_UNAVAILABLE', 'Samples cannot be stored right now. Send them again.', {
    cause,
  });

export function createWal(deps: { db: Db; databaseUrl: string; clock: Clock; log: Log }): Wal {
  const { db, clock, log } = deps;
  const head = new Head();
  let waiting = new Columns(4_096);
  let spare = new Columns(4_096);
  let waiters: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  let known: KnownBatch[] = [];
  let inFlight = 0;
  let pumping: Promise<void> | null = null;
  let writer: { id: number; client: pg.Client } | null = null;
  let writerId: number | null = null;
  let opening: Promise<void> | null = null;
  let closed = false;
  /** A commit failed without an answer: it may have happened. */
  let unsure = false;

  const connect = async (): Promise<void> => {
    const client = new pg.Client({
      connectionString: deps.databaseUrl,
      connectionTimeoutMillis: 5_000,
      query_timeout: 10_000,
      keepAlive: true,
      application_name: 'wheelhouse samples',
    });
    client.on('error', () => {
      if (writer?.client === client) writer = null;
    });
    try {
      await client.connect();
      if (writerId === null) {
        const { rows } = await client.query<{ id: number }>(
          'INSERT INTO metric_writers (started_at) VALUES ($1) RETURNING id',
          [clock.now()],
        );
        writerId = rows[0]?.id ?? null;
      }
      if (writerId === null) throw new Error('no writer');
      await client.query('SELECT pg_advisory_lock($1, $2)', [LOCK, writerId]);
      writer = { id: writerId, client };
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    await adopt();
  };
  const open = (): Promise<void> => {
    if (writer) return Promise.resolve();
    opening ??= connect().finally(() => {
      opening = null;
    });
    return opening;
  };

  const load = (rows: readonly { id: string; samples: number; payload: Buffer }[]) => {
    for (const { id, samples, payload } of rows) {
      const columns = new Columns(samples);
      decodeBatch(payload, columns);
      head.append(columns);
      known.push({ id, samples, bytes: payload.length, joined: true });
    }
  };
  const adopt = async (): Promise<number> => {
    const me = writerId;
    if (me === null) return 0;
    let count = 0;
    const { rows: others } = await db.pool.query<{ writer_id: number }>(
      'SELECT DISTINCT writer_id FROM metric_batches WHERE writer_id <> $1',
      [me],
    );
    for (const { writer_id: dead } of others) {
      // Room is made before more is taken.
      if (head.size >= MAX_HEAD) break;
      const rows = await transaction(db.pool, async (client) => {
        const { rows: held } = await client.query<{ held: boolean }>(
          'SELECT pg_try_advisory_xact_lock($1, $2) AS held',
          [LOCK, dead],
        );
        if (!held[0]?.held) return [];
        const adopted = await client.query<{ id: string; samples: number; payload: Buffer }>(
          `UPDATE metric_batches SET writer_id = $1 WHERE writer_id = $2
           RETURNING id::text, samples, payload`,
          [me, dead],
        );
        return adopted.rows;
      });
      rows.sort((a, b) => Number(a.id) - Number(b.id));
      load(rows);
      count += rows.reduce((sum, { samples }) => sum + samples, 0);
    }
    if (count > 0) log.info({ samples: count }, 'samples of an ended process were taken over');
    return count;
  };

  /** Rows that are ours and that we do not know: a commit whose answer was lost. */
  const reconcile = async (): Promise<void> => {
    const { rows } = await db.pool.query<{ id: string; samples: number; payload: Buffer }>(
      `SELECT id::text, samples, payload FROM metric_batches
       WHERE writer_id = $1 AND NOT (id = ANY($2::bigint[])) ORDER BY id`,
      [writerId, known.map(({ id }) => id)],
    );
    load(rows);
    unsure = false;
  };

  const commit = async (columns: Columns): Promise<void> => {
    await open();
    if (unsure) await reconcile();
    const payload = encodeBatch(columns);
    try {
      const { rows } = await db.pool.query<{ id: string }>({
        name: 'metrics-commit',
        text: 'INSERT INTO metric_batches (writer_id, samples, payload) VALUES ($1, $2, $3) RETURNING id::text',
        values: [writerId, columns.count, payload],
        query_timeout: COMMIT_TIMEOUT_MS,
      } as pg.QueryConfig);
      head.append(columns);
      known.push({
        id: rows[0]?.id ?? '0',
        samples: columns.count,
        bytes: payload.length,
        joined: payload.length >= JOIN_BYTES,
      });
    } catch (error) {
      unsure = true;
      throw error;
    }
  };

  /** Many small rows become one, by PostgreSQL itself: payloads are joined by putting them together. */
  const join = async (): Promise<void> => {
    const small = known.filter(({ joined }) => !joined).slice(0, JOIN_ROWS);
    if (small.length < JOIN_ROWS) return;
    const ids = small.map(({ id }) => id);
    const { rows } = await db.pool.query<{ id: string; samples: number; bytes: number }>(
      `WITH gone AS (DELETE FROM metric_batches WHERE id = ANY($1::bigint[]) RETURNING id, samples, payload)
       INSERT INTO metric_batches (writer_id, samples, payload)
       SELECT $2, sum(samples)::int, string_agg(payload, ''::bytea ORDER BY id) FROM gone HAVING count(*) > 0
       RETURNING id::text, samples, length(payload) AS bytes`,
      [ids, writerId],
    );
    const gone = new Set(ids);
    known = known.filter(({ id }) => !gone.has(id));
    const row = rows[0];
    if (row) known.push({ ...row, joined: true });
  };

  const pump = async (): Promise<void> => {
    try {
      while (waiting.count > 0) await pumpOnce();
    } finally {
      // In the same turn as the last look at what waits: who writes a moment later would be left waiting otherwise.
      pumping = null;
    }
  };
  const pumpOnce = async (): Promise<void> => {
    const batch = waiting;
    const mine = waiters;
    waiting = spare;
    waiting.count = 0;
    waiters = [];
    inFlight = batch.count;
    try {
      await commit(batch);
      for (const { resolve } of mine) resolve();
    } catch (error) {
      log.debug({ err: error }, 'samples could not be committed');
      for (const { reject } of mine) reject(away(error));
    }
    inFlight = 0;
    // A burst must not hold its memory for ever.
    spare = batch.ids.length > 262_144 ? new Columns(4_096) : batch;
    await join().catch((err) => log.debug({ err }, 'rows of the log could not be joined'));
  };

  return {
    head,
    writerId: () => writerId,
    open,
    adopt,
    write(columns) {
      if (closed) return Promise.reject(away(new Error('closing')));
      if (columns.count === 0) return Promise.resolve();
      if (
        waiting.count + inFlight + columns.count > MAX_WAITING ||
        head.size + waiting.count + columns.count > MAX_HEAD
      ) {
        return Promise.reject(busy());
      }
      waiting.append(columns);
      const done = new Promise<void>((resolve, reject) => {
        waiters.push({ resolve, reject });
      });
      pumping ??= pump();
      return done;
    },
    flushable: () => ({ end: head.position, batches: known.map(({ id }) => id) }),
    flushed(end, batches) {
      const gone = new Set(batches);
      known = known.filter(({ id }) => !gone.has(id));
      head.drop(end);
    },
    stats: () => ({
      waiting: waiting.count + inFlight,
      bytes: known.reduce((sum, { bytes }) => sum + bytes, 0),
      rows: known.length,
    }),
    async close() {
      // What is on its way is waited for; nothing new is taken.
      const deadline = clock.monotonicMs() + COMMIT_TIMEOUT_MS;
      while (pumping && clock.monotonicMs() < deadline) await Promise.race([pumping, sleep(50)]);
      closed = true;
      await writer?.client.end().catch(() => undefined);
      writer = null;
    },
  };
}
