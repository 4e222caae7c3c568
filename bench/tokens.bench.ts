/**
 * Tokens beside jose 6: a check with and without its signature, a look among a million revocations beside a Set of the same ids,
 * and how long a revocation takes to a second replica, through a real PostgreSQL and a real Redis.
 * Targets: check with signature p99 < 0.5 ms, revocation < 0.01 ms and < 100 MB, second replica p95 < 200 ms, without a bus < 1 s.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { loadConfig } from '../server/config.ts';
import { migrate } from '../server/platform/db/migrate.ts';
import { silentLog } from '../server/platform/log.ts';
import { openEmbeddedPostgres } from '../server/platform/postgres/embedded.ts';
import { startRedis } from '../server/platform/testing/redis.ts';
import { createRuntime } from '../server/runtime.ts';
import { issueSchema } from '../server/tokens/contract.ts';
import { createIdSet } from '../server/tokens/id-set.ts';
import { ms, print, quantile } from './measure.ts';

const MILLION = 1_000_000;
const authority = {
  actor: { kind: 'system' as const, id: null, name: 'bench' },
  rule: 'bench',
  requestId: null,
};
const us = (value: number) => `${(value * 1000).toFixed(1)} µs`;
const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`;
const sorted = (values: number[]) => values.sort((a, b) => a - b);

const dataDir = mkdtempSync(path.join(tmpdir(), 'wheelhouse-bench-'));
const server = await openEmbeddedPostgres({ dataDir, role: 'cli', progress: () => undefined });
await migrate({
  url: server.url,
  folder: path.resolve(import.meta.dirname, '../prisma/migrations'),
});
const redis = await startRedis();
const replica = (env: Record<string, string>) =>
  createRuntime({
    config: loadConfig({
      WHEELHOUSE_DATA_DIR: dataDir,
      WHEELHOUSE_SECRET: 'a secret for the bench, long enough',
      ...env,
    }),
    databaseUrl: server.url,
    database: 'external',
    log: silentLog(),
    publicUrl: () => 'http://localhost:3000',
  });
const near = await replica({ REDIS_URL: redis.url });
const far = await replica({ REDIS_URL: redis.url });
const deaf = await replica({});
const replicas = [near, far, deaf];

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

async function timed(rounds: number, work: (i: number) => unknown): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const began = performance.now();
    await work(i);
    times.push(performance.now() - began);
  }
  return sorted(times);
}

async function checks() {
  const input = issueSchema.parse({ subject: 'bench', scopes: ['ingest'], ttlSeconds: 3_600 });
  const issued: string[] = [];
  for (let i = 0; i < 3_000; i++) {
    issued.push((await near.tokens.issue(authority, null, input)).token);
  }
  const token = (i: number) => issued[i % issued.length] ?? '';
  const keys = createLocalJWKSet(near.tokens.jwks());
  const options = { algorithms: ['EdDSA'], issuer: 'wheelhouse', audience: 'wheelhouse' };
  const peer = (i: number) => jwtVerify(token(i), keys, options);
  // Another replica has seen none of them: each needs its signature computed. The first thousand warm both up.
  const ours = (i: number) => far.tokens.verify(token(i));
  await timed(1_000, peer);
  await timed(1_000, ours);
  const theirs = await timed(2_000, (i) => peer(i + 1_000));
  const first = await timed(2_000, (i) => ours(i + 1_000));
  const again = await timed(2_000, (i) => ours(i + 1_000));
  for (const [name, times] of [
    ['check with signature', first],
    ['check, signature remembered', again],
    ['jose jwtVerify, no revocation', theirs],
  ] as const) {
    print([{ [name]: '', p50: us(quantile(times, 0.5)), p99: us(quantile(times, 0.99)) }]);
  }
}

/** Nanoseconds a look, half of them hits, in rounds of a hundred thousand. */
function looks(has: (id: string) => boolean, known: readonly string[]): number {
  const strangers = Array.from({ length: 50_000 }, () => randomUUID());
  const rounds: number[] = [];
  for (let round = 0; round < 9; round++) {
    let hits = 0;
    const began = performance.now();
    for (let i = 0; i < 50_000; i++) {
      if (has(known[(i * 19) % known.length] ?? '')) hits++;
      if (has(strangers[i] ?? '')) hits++;
    }
    rounds.push(((performance.now() - began) / 100_000) * 1e6);
    if (hits !== 50_000) throw new Error(`${hits} hits`);
  }
  return sorted(rounds)[4] ?? Number.NaN;
}

function revoked() {
  // As they come from a database: flat texts of their own, not pieces strung together.
  const text = (id: string) => Buffer.from(id).toString();
  const ids = Array.from({ length: MILLION }, () => text(randomUUID()));
  const used = () => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  let before = used();
  const ours = createIdSet(MILLION);
  for (const id of ids) ours.add(id);
  const ourBytes = used() - before;
  before = used();
  const theirs = new Set<string>();
  for (const id of ids) theirs.add(text(id));
  const theirBytes = used() - before;
  print([
    {
      '1 000 000 revoked': 'wheelhouse',
      look: `${looks(ours.has, ids).toFixed(0)} ns`,
      memory: `${megabytes(ours.bytes())} (heap and buffers grew by ${megabytes(ourBytes)})`,
    },
    {
      '1 000 000 revoked': 'Set of texts',
      look: `${looks((id) => theirs.has(id), ids).toFixed(0)} ns`,
      memory: megabytes(theirBytes),
    },
  ]);
}

/** Last: what it writes stays. */
async function loading() {
  for (let i = 0; i < 50; i++) {
    await near.db.pool.query(
      `INSERT INTO revocations (kind, target, until, reason, revoked_by, revoked_at, expires_at)
       SELECT 'token', gen_random_uuid()::text, now(), 'bench', 'bench', now(), now() + interval '1 day'
       FROM generate_series(1, 20000) g`,
    );
  }
  const fresh = await replica({ REDIS_URL: redis.url });
  const began = performance.now();
  await fresh.revocations.start();
  print([
    {
      'start with 1 000 000 in PostgreSQL': ms(performance.now() - began),
      known: String(fresh.revocations.figures().count),
    },
  ]);
  await fresh.close();
}

async function propagation() {
  const input = issueSchema.parse({ subject: 'bench', scopes: [], ttlSeconds: 3_600 });
  const until = async (at: typeof near, jti: string) => {
    while (!at.revocations.isRevoked(jti)) await sleep(1);
    return performance.now();
  };
  const [bus, poll]: [number[], number[]] = [[], []];
  for (let i = 0; i < 60; i++) {
    const { jti } = await near.tokens.issue(authority, null, input);
    const [heard, polled] = [until(far, jti), until(deaf, jti)];
    const began = performance.now();
    await near.tokens.revoke(authority, { jti, reason: 'bench' });
    bus.push((await heard) - began);
    poll.push((await polled) - began);
  }
  for (const [name, times] of [
    ['second replica, from the call, over Redis', sorted(bus)],
    ['replica without a bus', sorted(poll)],
  ] as const) {
    print([
      {
        [name]: '',
        p50: ms(quantile(times, 0.5)),
        p95: ms(quantile(times, 0.95)),
        worst: ms(times.at(-1) ?? Number.NaN),
      },
    ]);
  }
}

try {
  revoked();
  await Promise.all(replicas.map(({ tokens }) => tokens.start()));
  await checks();
  await propagation();
  await loading();
} finally {
  for (const each of replicas) await each.close();
  await redis.stop();
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
