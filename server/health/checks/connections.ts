/** Checks of TCP ports, PostgreSQL and Redis: connect, ask the least, hang up. */
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { AddressGuard } from '../../platform/addresses.ts';
import { plainPostgresUrl } from '../../platform/postgres/url.ts';
import { describeFault } from './faults.ts';
import type { Probe, ProbeResult } from './port.ts';

const result = (detail: string): ProbeResult => ({
  ok: true,
  symptom: null,
  detail,
  tlsExpiresAt: null,
});

export async function checkTcp(guard: AddressGuard, probe: Probe): Promise<ProbeResult> {
  const { url, timeoutMs, signal } = probe;
  const { hostname, port } = new URL(url);
  const socket = guard.socket();
  const ended = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const abort = () => socket.destroy(ended.reason);
  try {
    await new Promise<void>((resolve, reject) => {
      ended.addEventListener('abort', abort, { once: true });
      socket.once('connect', resolve);
      socket.once('error', reject);
      socket.connect(Number(port), hostname.replace(/^\[|\]$/g, ''));
    });
    return result('the port accepts connections');
  } catch (error) {
    return { ok: false, ...describeFault(error, timeoutMs), tlsExpiresAt: null };
  } finally {
    ended.removeEventListener('abort', abort);
    socket.on('error', () => undefined).destroy();
  }
}

export async function checkPostgres(
  guard: AddressGuard,
  { url, timeoutMs }: Probe,
): Promise<ProbeResult> {
  const client = new pg.Client({
    connectionString: plainPostgresUrl(url),
    stream: guard.socket,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    statement_timeout: timeoutMs,
    application_name: 'wheelhouse check',
  });
  // Without a listener a connection that breaks between two steps would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ recovery: boolean }>(
      'SELECT pg_is_in_recovery() AS recovery',
    );
    return result(rows[0]?.recovery ? 'answers, as a standby' : 'answers');
  } catch (error) {
    return { ok: false, ...describeFault(error, timeoutMs), tlsExpiresAt: null };
  } finally {
    client.end().catch(() => undefined);
  }
}

export async function checkRedis(
  guard: AddressGuard,
  { url, timeoutMs }: Probe,
): Promise<ProbeResult> {
  const { hostname, port, protocol, username, password, pathname } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  // Of the URL only what says where and who: ioredis would also take the path of a socket from it.
  const redis = new Redis({
    port: Number(port || 6379),
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
    db: Number(pathname.slice(1)) || 0,
    ...(protocol === 'rediss:' ? { tls: isIP(host) ? {} : { servername: host } } : {}),
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    enableOfflineQueue: false,
  });
  let cause: unknown = null;
  redis.on('error', (error) => {
    cause ??= error;
  });
  try {
    guard.refuseLiteral(host);
    // The address that was looked at is the one that is connected to.
    const [found] = await promisify(guard.lookup)(host, { all: true });
    redis.options.host = found?.address ?? host;
    await redis.connect();
    await redis.ping();
    return result('answers PONG');
  } catch (error) {
    // "Connection is closed" says less than what closed it.
    return { ok: false, ...describeFault(cause ?? error, timeoutMs), tlsExpiresAt: null };
  } finally {
    redis.disconnect();
  }
}
