/**
 * Database spans of watched programs, as they come in over OTLP. A span belongs to a watched database when its name and,
 * where the span says it, the host agree. Kept: who called what how often, what took long, and what was asked again and
 * again within one trace.
 * Source: OpenTelemetry semantic conventions for database spans, before and after version 1.30.
 */
import type { Clock } from '../platform/clock.ts';
import { placeOf, type WatchedDatabase } from './databases.ts';
import { count, emptyTally } from './durations.ts';
import type { Registry } from './registry.ts';
import { type SlowLog, storable } from './slow-log.ts';
import { createRepeats, createTrails, Trail } from './trails.ts';

export type SpanRow = {
  kind: string;
  /** When it ended. */
  at: number;
  service: string;
  name: string;
  durationMs: number | null;
  traceId: string | null;
  spanId: string | null;
  parentId: string | null;
  attributes: Readonly<Record<string, string | number | boolean>>;
};
export type Spans = {
  /** Takes what is of a database; never waits and never throws. */
  take(rows: readonly SpanRow[]): void;
  drain(): Promise<void>;
  recent(databaseId: string): Trail[];
  /** Share of the calls of a statement, by its number, that repeated values. */
  repeated(databaseId: string, statementId: number): number | null;
};

const MAX_WAITING = 10_000;
const MAX_TRACES = 1_000;
const MAX_NAMES = 20_000;
const REPEATED_FROM_MS = 5;
const POSTGRES = /^postgres(ql)?$/i;

type Waiting = { row: SpanRow; text: string; database: string; host: string; port: string };

const text = (row: SpanRow, ...names: string[]): string => {
  for (const name of names) {
    const value = row.attributes[name];
    if (value !== undefined && value !== '') return String(value);
  }
  return '';
};

function read(row: SpanRow): Waiting | null {
  if (row.kind !== 'span' || row.durationMs === null || row.durationMs < 0) return null;
  if (!POSTGRES.test(text(row, 'db.system.name', 'db.system'))) return null;
  const sql = text(row, 'db.query.text', 'db.statement');
  if (sql === '') return null;
  // Since 1.30 the namespace is `database|schema`.
  const [database = ''] = text(row, 'db.namespace', 'db.name').split('|');
  return {
    row,
    text: sql,
    database,
    host: text(row, 'server.address', 'net.peer.name', 'network.peer.address', 'net.peer.ip'),
    port: text(row, 'server.port', 'net.peer.port', 'network.peer.port'),
  };
}

/** The watched database that a span is about. */
export function matching(
  span: { database: string; host: string; port: string },
  databases: readonly WatchedDatabase[],
): WatchedDatabase | null {
  const named = databases.filter(({ target }) => placeOf(target.url).database === span.database);
  const here = named.find(({ target }) => {
    const [host, port] = placeOf(target.url).host.split(/:(?=\d+$)/);
    const same = host === span.host || (isLoopback(host ?? '') && isLoopback(span.host));
    return same && (span.port === '' || span.port === port);
  });
  if (here) return here;
  // A span without a host, or one that knows the host by another name, is told by the database alone when there is one.
  const [only, ...more] = named;
  const elsewhere = span.host !== '' && span.port !== '' && only && portOf(only) !== span.port;
  return only && more.length === 0 && !elsewhere ? only : null;
}
const portOf = ({ target }: WatchedDatabase): string | undefined =>
  placeOf(target.url).host.split(/:(?=\d+$)/)[1];
const isLoopback = (host: string): boolean => /^(localhost|127\.0\.0\.1|\[?::1\]?)$/.test(host);

export function createSpans(deps: {
  clock: Clock;
  registry: Registry;
  slowLog: SlowLog;
  hash: (values: readonly unknown[]) => number;
  databases: () => readonly WatchedDatabase[];
  onDropped: (count: number) => void;
}): Spans {
  const { clock, registry, slowLog, hash } = deps;
  let waiting: Waiting[] = [];
  const names = new Map<string, string>();
  const traces = new Map<string, Trail>();
  const trails = new Map<string, ReturnType<typeof createTrails>>();
  const repeats = createRepeats();

  const remember = <V>(map: Map<string, V>, key: string, value: V, max: number) => {
    map.delete(key);
    map.set(key, value);
    const [oldest] = map.keys();
    if (map.size > max && oldest !== undefined) map.delete(oldest);
  };
  const callerOf = (row: SpanRow): string => {
    const parent = row.parentId ? names.get(`${row.traceId} ${row.parentId}`) : undefined;
    return parent ? `${row.service} · ${parent}` : row.service;
  };
  const follow = (database: WatchedDatabase, { row }: Waiting, known: string, values: number) => {
    if (!row.traceId) return;
    const key = `${database.id} ${row.traceId}`;
    const trail = traces.get(key) ?? new Trail(row.traceId, callerOf(row));
    remember(traces, key, trail, MAX_TRACES);
    const worth = trail.push({
      text: known,
      atMs: row.at - (row.durationMs ?? 0),
      durationMs: row.durationMs ?? 0,
      values,
      session: row.parentId ?? '',
    });
    if (!worth) return;
    const of = trails.get(database.id) ?? createTrails();
    trails.set(database.id, of);
    of.keep(trail, clock.monotonicMs());
  };
  const note = (
    database: WatchedDatabase,
    one: Waiting,
    statement: { id: number; normalized: string },
  ) => {
    const { row } = one;
    const durationMs = row.durationMs ?? 0;
    const slow = durationMs > database.slowMs;
    const tally = emptyTally();
    count(tally, durationMs, slow);
    const caller = callerOf(row);
    const parameters = Object.entries(row.attributes)
      .filter(([name]) => /^db\.(query|operation)\.parameter\./.test(name))
      .map(([, value]) => value);
    // A text with its values in it is its own value.
    const values = hash([one.text, ...parameters]);
    slowLog.called({
      databaseId: database.id,
      statementId: statement.id,
      source: 'span',
      caller,
      tally,
    });
    // Without parameters in the span a text with places for them says nothing of its values.
    if (durationMs > REPEATED_FROM_MS && (parameters.length > 0 || !/\$\d/.test(one.text)))
      repeats.count(`${database.id} ${statement.id}`, values, clock.monotonicMs());
    follow(database, one, String(statement.id), values);
    if (!slow) return;
    slowLog.add({
      databaseId: database.id,
      statementId: statement.id,
      at: new Date(row.at),
      durationMs,
      source: 'span',
      caller,
      requestId: null,
      traceId: row.traceId,
      plan: null,
      parameters: database.keepParameters
        ? parameters.map((value) => storable(String(value), 200))
        : null,
    });
  };

  return {
    take(rows) {
      for (const row of rows) {
        if (row.kind === 'span' && row.spanId)
          remember(names, `${row.traceId} ${row.spanId}`, row.name, MAX_NAMES);
        const one = read(row);
        if (!one) continue;
        if (waiting.length >= MAX_WAITING) deps.onDropped(1);
        else waiting.push(one);
      }
    },
    async drain() {
      const all = waiting;
      waiting = [];
      const databases = deps.databases();
      const byDatabase = Map.groupBy(all, (one) => matching(one, databases));
      for (const [database, spans] of byDatabase) {
        if (!database) continue;
        const known = await registry.identify(
          database.id,
          spans.map((one) => ({ text: one.text })),
        );
        // Questions in the order in which they were asked: spans come in the order in which they ended, or in none.
        const order = spans
          .map((one, n) => ({ one, statement: known[n] }))
          .sort((a, b) => startOf(a.one.row) - startOf(b.one.row));
        for (const { one, statement } of order) if (statement) note(database, one, statement);
      }
    },
    recent: (databaseId) => trails.get(databaseId)?.recent(clock.monotonicMs()) ?? [],
    repeated: (databaseId, statementId) =>
      repeats.share(`${databaseId} ${statementId}`, clock.monotonicMs()),
  };
}

const startOf = (row: SpanRow): number => row.at - (row.durationMs ?? 0);
