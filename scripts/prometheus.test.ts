/** The console and a real Prometheus get the same samples, are asked the same questions, and answer the same. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compressSync } from 'snappy';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Console, startConsole } from '../e2e/support/console.ts';
import { endProgram as end, freePort } from '../e2e/support/program.ts';
import { encodeWriteRequest, writeHeaders } from '../e2e/support/remote-write.ts';
import type { Query, QueryResult } from '../server/metrics/contract.ts';

const prometheus = spawnSync('prometheus', ['--version']).error === undefined;
const MINUTE = 60_000;
// The last half hour that is over, so that every step below begins and ends with it.
const TO = Math.floor(Date.now() / (30 * MINUTE)) * 30 * MINUTE;
const FROM = TO - 30 * MINUTE;

type Series = { labels: Record<string, string>; samples: { at: number; value: number }[] };

/** Two jobs with two gauges each and a counter that starts anew once; at odd milliseconds and at the very minute. */
function makeSeries(): Series[] {
  const list: Series[] = [];
  let seed = 7;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed / 2 ** 31;
  };
  for (const job of ['web', 'db.main']) {
    for (const n of ['1', '2']) {
      const labels = { __name__: 'cmp_gauge', job, n, ...(n === '2' ? { zone: 'a+b' } : {}) };
      const samples: Series['samples'] = [];
      for (let at = FROM - 5 * MINUTE; at < TO; at += 15_000) {
        samples.push({
          at: at + (n === '1' ? 0 : Math.floor(random() * 14_000)),
          value: random() * 100 - 20,
        });
      }
      list.push({ labels, samples });
    }
    let total = 0;
    const samples: Series['samples'] = [];
    for (let at = FROM - 5 * MINUTE; at < TO; at += 15_000) {
      total = at === FROM + 10 * MINUTE ? 0 : total + Math.floor(random() * 50);
      samples.push({ at, value: total });
    }
    list.push({ labels: { __name__: 'cmp_total', job }, samples });
  }
  return list;
}

describe.runIf(prometheus)('the same samples in both', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'wheelhouse-prometheus-'));
  let system: Console;
  let child: ChildProcess | undefined;
  let key = '';
  let sourceId = '';

  const rpc = async (name: string, input: unknown, mutation = false) => {
    const answer = await fetch(
      `${system.url}/api/trpc/${name}${mutation ? '' : `?input=${encodeURIComponent(JSON.stringify(input))}`}`,
      {
        method: mutation ? 'POST' : 'GET',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        ...(mutation ? { body: JSON.stringify(input) } : {}),
      },
    );
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.error.message);
    return body.result.data;
  };
  beforeAll(async () => {
    system = await startConsole();
    key = JSON.parse(
      await system.cli(
        ...['keys', 'create', '--name', 'all', '--role', 'operator'],
        ...['--scopes', 'ingest', '--json'],
      ),
    ).key;
    const port = await freePort();
    const config = path.join(folder, 'prometheus.yml');
    writeFileSync(config, 'global: {}\n');
    child = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${path.join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--web.enable-remote-write-receiver',
      ],
      { stdio: 'ignore' },
    );
    const url = `http://127.0.0.1:${port}`;
    await vi.waitFor(async () => expect((await fetch(`${url}/-/ready`)).status).toBe(200), {
      timeout: 30_000,
      interval: 100,
    });
    const body = compressSync(encodeWriteRequest(makeSeries()));
    for (const target of [url, system.url]) {
      const answer = await fetch(`${target}/api/v1/write`, {
        method: 'POST',
        headers: writeHeaders(key),
        body: new Uint8Array(body),
      });
      expect([target, answer.status, await answer.text()]).toEqual([target, 204, '']);
    }
    const source = { kind: 'prometheus', name: 'reference', url };
    sourceId = (await rpc('sources.create', source, true)).id;
  });
  afterAll(async () => {
    if (child) await end(child);
    await system?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const timeRange = { from: new Date(FROM).toISOString(), to: new Date(TO).toISOString() };
  /** Both answers, by series and time. */
  const both = async (query: Omit<Query, 'timeRange'>) => {
    const ask = async (more: object): Promise<QueryResult> =>
      rpc('metrics.query', { timeRange, ...query, ...more });
    const [own, theirs] = [await ask({}), await ask({ sourceId })];
    const flat = (result: QueryResult) =>
      Object.fromEntries(
        result.series.flatMap(({ labels, points }) =>
          points.flatMap(({ at, values }) =>
            Object.entries(values).map(([name, value]) => [
              `${JSON.stringify(Object.entries(labels).sort())} ${at} ${name}`,
              value,
            ]),
          ),
        ),
      );
    return { own: flat(own), theirs: flat(theirs), notes: theirs.notes, result: theirs };
  };
  const expectEqual = (
    { own, theirs }: { own: Record<string, number | null>; theirs: Record<string, number | null> },
    relative = 1e-9,
  ) => {
    expect(Object.keys(own).length).toBeGreaterThan(0);
    expect(Object.keys(theirs).sort()).toEqual(Object.keys(own).sort());
    const apart = Object.entries(own).filter(([place, value]) => {
      const other = theirs[place] ?? null;
      if (value === null || other === null) return value !== other;
      return Math.abs(value - other) > relative * Math.max(1, Math.abs(value));
    });
    expect(apart.map(([place, value]) => [place, value, theirs[place]])).toEqual([]);
  };

  test('can be reached, and knows its metrics', async () => {
    expect(await rpc('sources.test', { id: sourceId }, true)).toMatchObject({
      ok: true,
      detail: expect.stringMatching(/^The server answers; it is version \d/),
    });
    expect(await rpc('sources.metrics', { id: sourceId, search: 'CMP_' })).toEqual([
      'cmp_gauge',
      'cmp_total',
    ]);
  });
  test.each([['1m'], ['90s'], [undefined]])('each series by itself, step %s', async (step) => {
    expectEqual(
      await both({
        metric: 'cmp_gauge',
        ...(step ? { step } : {}),
        groupBy: ['*'],
        aggregations: ['count', 'sum', 'avg', 'min', 'max', 'last', 'stddev', 'percentiles'],
      }),
      1e-6,
    );
  });
  test.each([[['job']], [[]], [['job', 'zone']]])('pooled by %j', async (groupBy) => {
    expectEqual(
      await both({
        metric: 'cmp_gauge',
        step: '1m',
        groupBy,
        aggregations: ['count', 'sum', 'avg', 'min', 'max', 'stddev'],
      }),
      1e-6,
    );
  });
  test.each([
    [{ field: 'job', op: 'eq', value: 'web' }],
    [{ field: 'job', op: 'ne', value: 'web' }],
    [{ field: 'job', op: 'in', value: ['web', 'x|y'] }],
    [{ field: 'job', op: 'nin', value: ['db.main'] }],
    [{ field: 'job', op: 'contains', value: 'b.m' }],
    [{ field: 'job', op: 'regex', value: '^w|ain$' }],
    [{ field: 'job', op: 'regex', value: 'e' }],
    [{ field: 'zone', op: 'exists' }],
    [{ field: 'zone', op: 'exists', value: false }],
    [{ field: 'zone', op: 'contains', value: 'a+b' }],
    [{ field: 'zone', op: 'eq', value: '' }],
  ] as const)('filtered by %j', async (filter) => {
    expectEqual(
      await both({
        metric: 'cmp_gauge',
        step: '10m',
        groupBy: ['*'],
        filters: [{ ...filter, value: 'value' in filter ? (filter.value as string) : undefined }],
        aggregations: ['count', 'sum'],
      }),
    );
  });
  test('what is derived of the points', async () => {
    expectEqual(
      await both({
        metric: 'cmp_gauge',
        step: '1m',
        groupBy: ['job'],
        aggregations: ['avg', 'movingAverage', 'trend', 'anomaly'],
      }),
      1e-6,
    );
  });
  test('rates within what extrapolation adds, and a note that says so', async () => {
    const answer = await both({
      metric: 'cmp_total',
      step: '5m',
      groupBy: ['job'],
      aggregations: ['rate', 'increase'],
    });
    expectEqual(answer, 0.1);
    expect(answer.notes).toEqual([expect.stringMatching(/extrapolates/)]);
  });
  test('percentiles of several series are named for what they are', async () => {
    const { result } = await both({
      metric: 'cmp_gauge',
      step: '5m',
      groupBy: ['job'],
      aggregations: ['p95'],
    });
    expect(result.percentiles).toBe('approximate');
    expect(result.notes).toEqual([expect.stringMatching(/percentile of the series/)]);
  });
  test('explain shows the PromQL; what the server complains about is answered in its words', async () => {
    const explained = await rpc('metrics.explain', {
      metric: 'cmp_gauge',
      timeRange,
      aggregations: ['max'],
      sourceId,
    });
    expect(explained.plan.promql).toEqual([
      expect.stringMatching(/^max by \(\) \(max_over_time\(\{__name__="cmp_gauge"\}\[\d+ms\]\)\)$/),
    ]);
    expect(explained.result.scanned).toBeGreaterThan(400);
    const nothing = await both({ metric: 'cmp_gauge', aggregations: ['avg'], step: '1m' });
    expect(nothing.result.series).toHaveLength(1);
    const empty: QueryResult = await rpc('metrics.query', {
      metric: 'no_such_metric',
      timeRange,
      aggregations: ['avg'],
      sourceId,
    });
    expect(empty.series).toEqual([]);
  });
});
