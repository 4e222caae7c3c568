/**
 * Connections to watched databases. They are not pooled: one is opened for a piece of work and ended after it, so that
 * nothing of a session outlives its purpose. At most two stand at once for a database; others wait for their turn.
 * Every statement goes by the extended protocol, which takes one statement and no more.
 */
import pg from 'pg';
import { describeFault } from '../health/index.ts';
import type { AddressGuard } from '../platform/addresses.ts';
import { AppError } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import { plainPostgresUrl } from '../platform/postgres/url.ts';

/** By it the collector knows what the console sent itself. */
export const MARK = '/* wheelhouse */';
const MAX_CONNECTIONS = 2;
const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 10_000;
const LOCK_TIMEOUT_MS = 500;
const CANCEL_TIMEOUT_MS = 2_000;

export type Purpose = 'collect' | 'explain' | 'advise' | 'apply' | 'test';
export type Target = {
  id: string;
  url: string;
  /** The console's own: its URL was not entered by an operator, and may name a socket. */
  own?: boolean;
};
export type TargetSession = {
  /** One statement, by the extended protocol, also without values. Rejects with pg's `DatabaseError`. */
  query<R extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<R[]>;
  /** PostgreSQL's `server_version_num`, e.g. 150018. */
  serverVersion: number;
  superuser: boolean;
  user: string;
  pid: number;
  /** Ends the connection. Never throws. */
  close(): Promise<void>;
};
export type Targets = {
  /**
   * Connects; read-only but for `apply`. When `signal` aborts, what runs is cancelled at the server and the connection is
   * ended. Rejects with SERVICE_UNAVAILABLE and a plain sentence when there is no connection to be had.
   */
  open(
    target: Target,
    options: {
      purpose: Purpose;
      signal?: AbortSignal;
      /** Of each statement; 0 for none, which only `apply` may. */
      statementTimeoutMs?: number;
    },
  ): Promise<TargetSession>;
  /** Connections that stand now, by database. */
  standing(): ReadonlyMap<string, number>;
};

export function createTargets(deps: { addresses: AddressGuard; log: Log }): Targets {
  const standing = new Map<string, number>();
  const waiting = new Map<string, (() => void)[]>();

  const acquire = async (id: string, signal: AbortSignal | undefined): Promise<() => void> => {
    while ((standing.get(id) ?? 0) >= MAX_CONNECTIONS) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const line = waiting.get(id) ?? [];
      waiting.set(id, [...line, resolve]);
      signal?.addEventListener('abort', () => resolve(), { once: true });
      await promise;
      signal?.throwIfAborted();
    }
    standing.set(id, (standing.get(id) ?? 0) + 1);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const left = (standing.get(id) ?? 1) - 1;
      if (left > 0) standing.set(id, left);
      else standing.delete(id);
      const line = waiting.get(id) ?? [];
      waiting.delete(id);
      // All look again: one that gave up must not take another's turn with it.
      for (const next of line) next();
    };
  };

  return {
    standing: () => standing,
    async open(target, { purpose, signal, statementTimeoutMs = STATEMENT_TIMEOUT_MS }) {
      const release = await acquire(target.id, signal);
      const client = new pg.Client({
        ...(target.own
          ? { connectionString: target.url }
          : { connectionString: plainPostgresUrl(target.url), stream: deps.addresses.socket }),
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        // The server ends what runs too long; this ends waiting for a server that fell silent.
        ...(statementTimeoutMs > 0 ? { query_timeout: statementTimeoutMs + 2_000 } : {}),
        application_name: `wheelhouse ${purpose}`,
        keepAlive: true,
      });
      let closed = false;
      // Without a listener a connection that breaks between two steps would end the process.
      client.on('error', (err) => deps.log.debug({ err, database: target.id }, 'connection lost'));
      const close = async () => {
        if (closed) return;
        closed = true;
        signal?.removeEventListener('abort', onAbort);
        await Promise.race([
          client.end().catch(() => undefined),
          new Promise((resolve) => setTimeout(resolve, CANCEL_TIMEOUT_MS).unref()),
        ]);
        release();
      };
      const cancel = async () => {
        const canceller = new pg.Client({
          ...(target.own
            ? { connectionString: target.url }
            : { connectionString: plainPostgresUrl(target.url), stream: deps.addresses.socket }),
          connectionTimeoutMillis: CANCEL_TIMEOUT_MS,
          query_timeout: CANCEL_TIMEOUT_MS,
          application_name: 'wheelhouse cancel',
        });
        canceller.on('error', () => undefined);
        try {
          await canceller.connect();
          await canceller.query('SELECT pg_cancel_backend($1)', [pid]);
        } catch (err) {
          deps.log.debug({ err, database: target.id }, 'a statement could not be cancelled');
        } finally {
          await canceller.end().catch(() => undefined);
        }
      };
      let pid = 0;
      const onAbort = () => {
        if (pid > 0 && !closed) cancel().finally(close);
        else void close();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const query = async <R extends object>(text: string, values: readonly unknown[] = []) => {
        signal?.throwIfAborted();
        const { rows } = await client.query<R>({
          // What the console asks is no part of the workload; behind the first word nothing cuts it off.
          text: text.includes(MARK) ? text : text.replace(/^\s*\w+/, (word) => `${word} ${MARK}`),
          values: [...values],
          queryMode: 'extended',
        } as pg.QueryConfig);
        return rows;
      };
      try {
        signal?.throwIfAborted();
        await client.connect();
        const settings: [string, string][] = [
          ['statement_timeout', String(statementTimeoutMs)],
          ['lock_timeout', String(LOCK_TIMEOUT_MS)],
          ['idle_in_transaction_session_timeout', '30000'],
          ['default_transaction_read_only', purpose === 'apply' ? 'off' : 'on'],
          ['standard_conforming_strings', 'on'],
          ['client_encoding', 'UTF8'],
          ['timezone', 'UTC'],
        ];
        const [row] = await query<{
          version: string;
          superuser: boolean;
          name: string;
          pid: number;
        }>(
          `SELECT current_setting('server_version_num') AS version, r.rolsuper AS superuser, current_user::text AS name,
                  pg_backend_pid() AS pid, ${settings.map((_, n) => `set_config($${2 * n + 1}, $${2 * n + 2}, false)`).join(', ')}
           FROM pg_catalog.pg_roles r WHERE r.rolname = current_user /* wheelhouse */`,
          settings.flat(),
        );
        if (!row) throw new Error('the role does not see itself');
        pid = row.pid;
        return {
          query,
          serverVersion: Number(row.version),
          superuser: row.superuser,
          user: row.name,
          pid,
          close,
        };
      } catch (cause) {
        await close();
        signal?.throwIfAborted();
        const { detail } = describeFault(cause, CONNECT_TIMEOUT_MS);
        throw new AppError('SERVICE_UNAVAILABLE', `The database cannot be reached: ${detail}.`, {
          cause,
        });
      }
    },
  };
}
