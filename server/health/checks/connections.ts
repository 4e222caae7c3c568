/** Checks of TCP ports, PostgreSQL and Redis: connect, ask the least, hang up. */
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { Redis } from 'ioredis';
import pg from 'pg';
import {
  guardedLookup,
  isRefusedAddress,
  RefusedAddressError,
  refuseLiteral,
} from '../../platform/http-client.ts';
import { describeFault } from './faults.ts';
import type { Probe, ProbeResult } from './port.ts';

const result = (detail: string): ProbeResult => ({
  ok: true,
  symptom: null,
  detail,
  tlsExpiresAt: null,
});

export async function checkTcp({ url, timeoutMs, signal }: Probe): Promise<ProbeResult> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  try {
    refuseLiteral(host);
    await new Promise<void>((resolve, reject) => {
      const socket = connect({
        host,
        port: Number(port),
        lookup: (name, options, callback) =>
          guardedLookup(name, options, (error, addresses) =>
            options.all
              ? callback(error, addresses)
              : callback(error, addresses[0]?.address ?? '', addresses[0]?.family),
          ),
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      socket.once('connect', () => {
        socket.destroy();
        resolve();
      });
      socket.once('error', reject);
    });
    return result('the port accepts connections');
  } catch (error) {
    return { ok: false, ...describeFault(error, timeoutMs), tlsExpiresAt: null };
  }
}

export async function checkPostgres({ url, timeoutMs }: Probe): Promise<ProbeResult> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    statement_timeout: timeoutMs,
    application_name: 'wheelhouse check',
  });
  // Without a listener a connection that breaks between two steps would end the process.
  client.on('error', () => undefined);
  try {
    await refuseHost(new URL(url).hostname);
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

export async function checkRedis({ url, timeoutMs }: Probe): Promise<ProbeResult> {
  const redis = new Redis(url, {
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
    await refuseHost(new URL(url).hostname);
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

async function refuseHost(hostname: string): Promise<void> {
  const host = hostname.replace(/^\[|\]$/g, '');
  refuseLiteral(host);
  const addresses = await lookup(host, { all: true });
  const refused = addresses.find(({ address }) => isRefusedAddress(address));
  if (refused) throw new RefusedAddressError(host, refused.address);
}
