/** `config check`: what the configuration names is really there. */
import pg from 'pg';
import { type Config, ensureDataDir } from '../config.ts';
import { systemClock } from '../platform/clock.ts';
import { createHttpClient } from '../platform/http-client.ts';
import { scrub, silentLog } from '../platform/log.ts';
import { createSharedStore } from '../platform/redis/index.ts';

export type ConfigCheck = { name: string; status: 'ok' | 'warning' | 'failed'; detail: string };

export async function checkConfig(config: Config): Promise<ConfigCheck[]> {
  const attempt = async (name: string, work: () => Promise<string>): Promise<ConfigCheck> => {
    try {
      return { name, status: 'ok', detail: await work() };
    } catch (error) {
      return {
        name,
        status: 'failed',
        detail: scrub(error instanceof Error ? error.message : String(error)),
      };
    }
  };
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, WHEELHOUSE_OIDC_ISSUER: issuer } = config;
  const checks = [
    attempt('WHEELHOUSE_DATA_DIR', async () => {
      ensureDataDir(config.dataDir);
      return `${config.dataDir} is writable`;
    }),
    attempt('DATABASE_URL', async () =>
      databaseUrl ? askPostgres(databaseUrl) : 'unset: the embedded PostgreSQL is used',
    ),
    attempt('REDIS_URL', async () =>
      redisUrl ? askRedis(redisUrl) : 'unset: state is kept in-process',
    ),
    attempt('WHEELHOUSE_OIDC_ISSUER', async () =>
      issuer ? askIssuer(issuer) : 'unset: passwords only',
    ),
  ];
  const exposed = !/^(127\.|localhost$|::1$)/.test(config.HOST);
  const plain = !config.WHEELHOUSE_PUBLIC_URL?.startsWith('https:');
  const warning: ConfigCheck = {
    name: 'WHEELHOUSE_PUBLIC_URL',
    status: exposed && plain ? 'warning' : 'ok',
    detail:
      exposed && plain
        ? `HOST ${config.HOST} is reachable from other machines, but no https address is set: passwords travel in clear`
        : 'sign-in is protected',
  };
  return [...(await Promise.all(checks)), warning];
}

async function askPostgres(connectionString: string): Promise<string> {
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
  });
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return `PostgreSQL ${rows[0]?.server_version ?? ''} answers`;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function askRedis(url: string): Promise<string> {
  const store = await createSharedStore({ url, clock: systemClock, log: silentLog() });
  try {
    if (store.status().state !== 'up') throw new Error('Redis does not answer');
    return 'Redis answers';
  } finally {
    await store.close();
  }
}

async function askIssuer(issuer: string): Promise<string> {
  const http = createHttpClient();
  try {
    const url = `${issuer}/.well-known/openid-configuration`;
    const answer = await http.send({ url, timeoutMs: 5_000, maxRedirects: 3 });
    if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`);
    const found: unknown = JSON.parse(answer.body.toString('utf8'));
    const named =
      typeof found === 'object' && found !== null && 'issuer' in found ? found.issuer : null;
    if (named !== issuer) throw new Error(`${url} names the issuer ${String(named)}`);
    return 'the discovery document is good';
  } finally {
    await http.close();
  }
}
