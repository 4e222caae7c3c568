/**
 * PostgreSQL: one pool for Prisma, pg-boss and plain SQL (20 connections, idle 30 s, connect 5 s, lifetime
 * 30 min), and a monitor on a connection of its own that knows within two seconds whether the server answers. A server
 * that falls silent (a firewall that drops packets, a host that is gone) never ends a connection: while the monitor gets
 * no answer, connections on which nothing arrives are ended here, so that who waits on them gets an error in seconds.
 */
import { Socket } from 'node:net';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { Prisma, PrismaClient } from '../../../prisma/client/client.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { type Calls, createCalls } from './calls.ts';

export type { Call, Caller } from './calls.ts';
export { Prisma };
export type Tx = Prisma.TransactionClient;

/** For `contains` and `startsWith`, which Prisma turns into LIKE without escaping: `%` and `_` stand for themselves. */
export const likeLiteral = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

export type DbStatus = { up: boolean; latencyMs: number | null; since: Date; detail: string };
export type Db = {
  prisma: PrismaClient;
  pool: pg.Pool;
  /** Who asks what; see `calls.ts`. */
  calls: Calls;
  /** Runs `work` in one transaction; long ones are cut off after 10 s. */
  tx<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** What the monitor last saw. */
  status(): DbStatus;
  /** Asks the server now; never throws. */
  ping(): Promise<DbStatus>;
  poolGauges(): { total: number; idle: number; waiting: number; max: number };
  close(): Promise<void>;
};

export const POOL_MAX = 20;
const PING_EVERY_MS = 2000;
const PING_TIMEOUT_MS = 2000;
const NO_ANSWER = 'ETIMEDOUT';

export function createDb(options: { url: string; clock: Clock; log: Log; max?: number }): Db {
  const { clock, log } = options;
  const max = options.max ?? POOL_MAX;
  const sockets = new Set<Socket>();
  const pool = new pg.Pool({
    connectionString: options.url,
    max,
    idleTimeoutMillis: 30_000,
    connectionTimeoutMillis: 5_000,
    maxLifetimeSeconds: 1_800,
    keepAlive: true,
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 30_000,
    application_name: 'wheelhouse',
    stream: () => {
      const socket = new Socket();
      sockets.add(socket);
      return socket.once('close', () => sockets.delete(socket));
    },
  });
  const calls = createCalls(pool);
  const monitor = new pg.Pool({
    connectionString: options.url,
    max: 1,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: PING_TIMEOUT_MS + 500,
    query_timeout: PING_TIMEOUT_MS + 500,
    keepAlive: true,
    application_name: 'wheelhouse monitor',
  });
  // An idle connection that breaks must not end the process; the monitor reports the outage.
  for (const either of [pool, monitor])
    either.on('error', (err) => log.warn({ err }, 'idle database connection lost'));
  const statements = new Map<string, string>();
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool, {
      statementNameGenerator: ({ sql }) => {
        // Prisma sends a small set of parameterised texts; the bound guards against generated ones.
        let name = statements.get(sql);
        if (!name && statements.size < 500) {
          name = `p${statements.size}`;
          statements.set(sql, name);
        }
        return name ?? '';
      },
    }),
    transactionOptions: { maxWait: 5_000, timeout: 10_000 },
  });

  let status: DbStatus = { up: true, latencyMs: null, since: clock.now(), detail: 'not asked yet' };
  let asking: Promise<DbStatus> | null = null;
  /** What each connection had received when the monitor last waited in vain. */
  let received = new Map<Socket, number>();
  const endSilent = () => {
    const silent = [...sockets].filter((socket) => received.get(socket) === socket.bytesRead);
    if (silent.length > 0) log.warn({ ended: silent.length }, 'silent database connections ended');
    for (const socket of silent) socket.destroy();
    received = new Map([...sockets].map((socket) => [socket, socket.bytesRead]));
  };
  const ask = async (): Promise<DbStatus> => {
    const started = clock.monotonicMs();
    let up = false;
    let detail = '';
    try {
      await withTimeout(monitor.query('SELECT 1'), PING_TIMEOUT_MS);
      up = true;
      detail = 'answers';
      received.clear();
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      detail = `does not answer${code ? ` (${code})` : ''}`;
      if (code === NO_ANSWER) endSilent();
    }
    const changed = up !== status.up;
    if (changed)
      log[up ? 'info' : 'error']({ up }, up ? 'PostgreSQL is back' : 'PostgreSQL is unreachable');
    status = {
      up,
      latencyMs: up ? clock.monotonicMs() - started : null,
      since: changed ? clock.now() : status.since,
      detail,
    };
    return status;
  };
  const ping = () => {
    asking ??= ask().finally(() => {
      asking = null;
    });
    return asking;
  };
  const timer = setInterval(ping, PING_EVERY_MS);
  timer.unref();

  return {
    prisma,
    pool,
    calls,
    tx: (work) => prisma.$transaction(work),
    status: () => status,
    ping,
    poolGauges: () => ({
      total: pool.totalCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
      max,
    }),
    async close() {
      clearInterval(timer);
      await prisma.$disconnect();
      await Promise.all([pool.end(), monitor.end()]);
    },
  };
}

async function withTimeout<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(Object.assign(new Error('no answer in time'), { code: NO_ANSWER })),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
