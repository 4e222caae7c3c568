/**
 * `kill -9` while samples come in, again and again: every sample that was acknowledged is there, none counts twice.
 * A second process takes over and packs what the killed ones left, while the next one writes. `KILLS` sets how often.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compressSync } from 'snappy';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startConsole } from '../e2e/support/console.ts';
import { encodeWriteRequest, writeHeaders } from '../e2e/support/remote-write.ts';
import { loadConfig } from '../server/config.ts';
import { silentLog } from '../server/platform/log.ts';
import { openEmbeddedPostgres } from '../server/platform/postgres/embedded.ts';
import { createRuntime } from '../server/runtime.ts';
import { prepare } from './prepare.mjs';

const KILLS = Number(process.env.KILLS ?? 8);
const LANES = 4;
const SERIES = 25;
const dataDir = mkdtempSync(path.join(tmpdir(), 'wheelhouse-crash-'));
beforeAll(() => prepare({ pages: true, say: () => undefined }));
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

test(`${KILLS} kills during ingest lose nothing and double nothing`, {
  timeout: 60_000 + KILLS * 15_000,
}, async () => {
  const postgres = await openEmbeddedPostgres({ dataDir, role: 'cli', progress: () => undefined });
  const base = Math.floor(Date.now() / 1000) * 1000 - 2 * 3_600_000;
  const step: number[] = Array.from({ length: LANES }, () => 0);
  const acknowledged = Array.from({ length: LANES }, () => new Set<number>());
  const body = (lane: number, at: number) =>
    compressSync(
      encodeWriteRequest(
        Array.from({ length: SERIES }, (_, n) => ({
          labels: { __name__: 'crash', lane: String(lane), n: String(n) },
          samples: [{ at: base + at * 1_000, value: at }],
        })),
      ),
    );
  let key = '';
  const beside = await createRuntime({
    config: loadConfig({ WHEELHOUSE_DATA_DIR: dataDir, WHEELHOUSE_SECRET: 'x'.repeat(40) }),
    databaseUrl: postgres.url,
    database: 'embedded',
    log: silentLog(),
    publicUrl: () => 'http://localhost',
    member: false,
  });
  const { compaction, wal } = beside.metricStore;
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const console = await startConsole({ dataDir });
      key ||= JSON.parse(
        await console.cli('keys', 'create', '--name', 'w', '--scopes', 'ingest', '--json'),
      ).key;
      let ended = false;
      const lanes = Array.from({ length: LANES }, async (_, lane) => {
        for (; !ended; step[lane] = (step[lane] ?? 0) + 1) {
          const at = step[lane] ?? 0;
          const answer = await fetch(`${console.url}/api/v1/write`, {
            method: 'POST',
            headers: writeHeaders(key),
            body: new Uint8Array(body(lane, at)),
          }).catch(() => null);
          if (answer?.status === 204) acknowledged[lane]?.add(at);
          else if (answer) throw new Error(`${answer.status} ${await answer.text()}`);
          // Not acknowledged: sent again, as Prometheus does. It may have been committed all the same.
          else if (kill % 2 === 0) return;
        }
      });
      await sleep(150 + ((kill * 97) % 500));
      const packing = (async () => {
        await wal.open();
        await wal.adopt();
        if (kill % 2 === 1) await compaction.flush();
        if (kill % 3 === 2) {
          await compaction.settle(
            new Date(Date.now() + 4 * 3_600_000),
            new AbortController().signal,
          );
        }
      })();
      console.signal('SIGKILL');
      await Promise.all([console.stop(), packing, sleep(20)]);
      ended = true;
      await Promise.all(lanes);
    }
    const total = acknowledged.reduce((sum, { size }) => sum + size, 0);
    expect(total).toBeGreaterThan(KILLS * LANES);
    await wal.adopt();
    for (const stage of ['as left', 'packed', 'settled'] as const) {
      if (stage === 'packed') await compaction.flush();
      if (stage === 'settled') {
        await compaction.settle(new Date(Date.now() + 4 * 3_600_000), new AbortController().signal);
      }
      for (let lane = 0; lane < LANES; lane++) {
        const { series } = await beside.metricStore.query({
          metric: 'crash',
          timeRange: {
            from: new Date(base).toISOString(),
            to: new Date(base + 3 * 3_600_000).toISOString(),
          },
          filters: [{ field: 'lane', op: 'eq', value: String(lane) }],
          step: 1,
          groupBy: [],
          aggregations: ['count', 'min', 'max'],
        });
        const found = new Map(
          series[0]?.points.map(({ at, values }) => [(Date.parse(at) - base) / 1_000, values]),
        );
        for (const at of acknowledged[lane] ?? []) {
          expect(found.get(at), `${stage}: lane ${lane}, step ${at}`).toEqual({
            count: SERIES,
            min: at,
            max: at,
          });
        }
        // What was committed without an answer is whole as well, and nothing else is there.
        for (const [at, values] of found)
          expect(values).toEqual({ count: SERIES, min: at, max: at });
      }
    }
  } finally {
    await beside.close();
    await postgres.stop();
  }
});
