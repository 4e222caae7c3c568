/** Asks a Prometheus-compatible server over its HTTP API and answers as the console's own store does. */
import { z } from 'zod';
import { describeFault } from '../health/index.ts';
import type { Aggregation, ParsedQuery, Point, QueryResult } from '../metrics/contract.ts';
import {
  badField,
  bucketsOf,
  derivePoints,
  expandAggregations,
  rangeOf,
  stepOf,
} from '../metrics/index.ts';
import type { Clock } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import type { HttpClient } from '../platform/http-client.ts';
import { compile } from './promql.ts';
import { requestHeaders, type Source } from './store.ts';

const MAX_BODY = 32 * 1024 * 1024;
const MAX_POINTS = 11_000;
const MAX_SERIES = 5_000;
const MAX_CELLS = 250_000;
const FLAVOUR_MS = 10 * 60_000;
const MAX_FLAVOURS = 1_000;

const pair = z.tuple([z.number(), z.string()]);
const labels = z.record(z.string(), z.string());
const answerSchema = z.object({
  status: z.string(),
  error: z.string().optional(),
  data: z.unknown().optional(),
});
const dataSchema = z.object({
  result: z.array(
    z.object({ metric: labels, values: z.array(pair).optional(), value: pair.optional() }),
  ),
  stats: z
    .object({ samples: z.object({ totalQueryableSamples: z.number() }).optional() })
    .optional()
    .catch(undefined),
});
const buildSchema = z.object({ version: z.string() });

export type Asked = { result: QueryResult; promql: string[] };
export type PrometheusClient = {
  query(source: Source, query: ParsedQuery, signal?: AbortSignal): Promise<Asked>;
  /** Names of metrics that contain `search`, at most 200. */
  metrics(source: Source, search: string): Promise<string[]>;
  /** Answers a sentence; throws an AppError that says what is wrong. */
  test(source: Source): Promise<string>;
};

export function createPrometheusClient(deps: { http: HttpClient; clock: Clock }): PrometheusClient {
  const { http, clock } = deps;
  const flavours = new Map<string, { at: number; version: string | null }>();

  const send = async (
    source: Source,
    path: string,
    form: Record<string, string> | null,
    signal?: AbortSignal,
  ): Promise<unknown> => {
    const unavailable = (why: string, cause?: unknown) =>
      new AppError('SERVICE_UNAVAILABLE', `${source.name}: ${why}.`, {
        cause,
        fields: [{ path: 'sourceId', message: why }],
      });
    const answer = await http
      .send({
        url: source.url.replace(/\/+$/, '') + path,
        method: form ? 'POST' : 'GET',
        headers: {
          accept: 'application/json',
          ...requestHeaders(source.access),
          ...(form ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
        },
        ...(form ? { body: new URLSearchParams(form).toString() } : {}),
        timeoutMs: source.timeoutMs,
        maxBodyBytes: MAX_BODY,
        verifyTls: source.access.verifyTls,
        ...(signal ? { signal } : {}),
      })
      .catch((error: unknown) => {
        signal?.throwIfAborted();
        throw unavailable(describeFault(error, source.timeoutMs).detail, error);
      });
    if (answer.truncated) {
      throw badField(
        'step',
        'The answer is larger than 32 MiB; choose a longer step or fewer series',
      );
    }
    if (answer.status === 401 || answer.status === 403)
      throw unavailable(`the server refuses the credentials (status ${answer.status})`);
    const parsed = answerSchema.safeParse(parseJson(answer.body));
    if (!parsed.success) {
      throw unavailable(
        answer.status === 200
          ? 'the answer is not that of a Prometheus server'
          : `the answer has the status ${answer.status}`,
      );
    }
    if (parsed.data.status === 'success') return parsed.data.data;
    const said = (parsed.data.error ?? `status ${answer.status}`).toWellFormed().slice(0, 300);
    if (answer.status === 422) throw badField('timeRange', `${source.name} says: ${said}`);
    if (answer.status < 500) throw badField('sourceId', `${source.name} says: ${said}`);
    throw unavailable(said);
  };

  /** Prometheus before 3.0 counts both ends of a range; null when the server does not say what it is. */
  const versionOf = async (source: Source, signal?: AbortSignal): Promise<string | null> => {
    const key = `${source.id} ${source.url}`;
    const known = flavours.get(key);
    if (known && clock.monotonicMs() - known.at < FLAVOUR_MS) return known.version;
    const found = await send(source, '/api/v1/status/buildinfo', null, signal).catch(
      (error: unknown) => {
        if (error instanceof AppError && error.code === 'BAD_REQUEST') return null;
        throw error;
      },
    );
    const parsed = buildSchema.safeParse(found);
    const version = parsed.success ? parsed.data.version : null;
    if (flavours.size >= MAX_FLAVOURS) flavours.clear();
    flavours.set(key, { at: clock.monotonicMs(), version });
    return version;
  };

  return {
    async query(source, query, signal) {
      const started = clock.monotonicMs();
      const { fromMs, toMs } = rangeOf(query.timeRange, clock.now().getTime());
      const stepMs = stepOf(query.step);
      const buckets = bucketsOf({ fromMs, toMs, stepMs });
      if (buckets.count > MAX_POINTS) {
        throw badField(
          'step',
          `${buckets.count} steps; at most ${MAX_POINTS} are answered. Choose a longer step`,
        );
      }
      if (stepMs !== null && (stepMs < 2 || !Number.isInteger(stepMs)))
        throw badField('step', 'Whole milliseconds, at least 2');
      const aggregations = expandAggregations(query.aggregations);
      const closed = /^[012]\./.test((await versionOf(source, signal)) ?? '');
      const compiled = compile(query, aggregations, buckets.step - (closed ? 1 : 0));
      if (!('queries' in compiled)) {
        const place = /^aggregations\.(\d+)$/.exec(compiled.path)?.[1];
        const name = place === undefined ? undefined : aggregations[Number(place)];
        // As the question has them, not as they were written out.
        const path = name ? `aggregations.${query.aggregations.indexOf(name)}` : compiled.path;
        throw badField(path, compiled.message);
      }
      const last = buckets.start + buckets.count * buckets.step;
      let scanned = 0;
      const groups = new Map<
        string,
        { labels: Record<string, string>; cells: Map<number, Cell> }
      >();
      for (const { aggregation, promql } of compiled.queries) {
        const form: Record<string, string> = { query: promql, stats: 'all' };
        const seconds = (ms: number) => (ms / 1_000).toFixed(3);
        if (stepMs === null) form.time = seconds(last - 1);
        else {
          form.start = seconds(buckets.start + buckets.step - 1);
          form.end = seconds(last - 1);
          form.step = seconds(buckets.step);
        }
        const path = stepMs === null ? '/api/v1/query' : '/api/v1/query_range';
        const data = dataSchema.safeParse(await send(source, path, form, signal));
        if (!data.success) {
          throw new AppError(
            'SERVICE_UNAVAILABLE',
            `${source.name}: the answer is not that of a Prometheus server.`,
          );
        }
        if (data.data.result.length > MAX_SERIES) {
          throw badField(
            'groupBy',
            `${data.data.result.length} groups; at most ${MAX_SERIES} are answered. Add a filter`,
          );
        }
        scanned = Math.max(scanned, data.data.stats?.samples?.totalQueryableSamples ?? 0);
        for (const { metric, values, value } of data.data.result) {
          const own = groupLabels(metric, query.groupBy);
          const key = JSON.stringify(Object.entries(own).sort());
          const group = groups.get(key) ?? { labels: own, cells: new Map<number, Cell>() };
          groups.set(key, group);
          for (const [time, text] of values ?? (value ? [value] : [])) {
            const start = Math.round(time * 1_000) + 1 - buckets.step;
            const cell = group.cells.get(start) ?? {};
            cell[aggregation] = text;
            group.cells.set(start, cell);
          }
        }
      }
      const cells = [...groups.values()].reduce((sum, group) => sum + group.cells.size, 0);
      if (cells > MAX_CELLS) {
        throw badField(
          'step',
          `${cells} points are more than ${MAX_CELLS}; choose a longer step or fewer groups`,
        );
      }
      const asked = compiled.queries.map(({ aggregation }) => aggregation);
      const series = [...groups.values()].map(({ labels: own, cells: found }) => ({
        labels: own,
        points: pointsOf(found, asked, aggregations),
      }));
      const percentiles = asked.some((name) => /^p\d+$/.test(name));
      return {
        result: {
          series,
          scanned,
          tookMs: Math.round((clock.monotonicMs() - started) * 10) / 10,
          from: new Date(fromMs).toISOString(),
          to: new Date(toMs).toISOString(),
          stepSeconds: stepMs === null ? null : stepMs / 1_000,
          resolution: 'raw',
          percentiles: percentiles ? (query.groupBy.includes('*') ? 'exact' : 'approximate') : null,
          notes: compiled.notes,
        },
        promql: compiled.queries.map(({ promql }) => promql),
      };
    },
    async metrics(source, search) {
      const found = await send(source, '/api/v1/label/__name__/values', null);
      const names = z.array(z.string()).safeParse(found);
      const wanted = search.toLowerCase();
      return (names.success ? names.data : [])
        .filter((name) => name.toLowerCase().includes(wanted))
        .slice(0, 200);
    },
    async test(source) {
      await send(source, '/api/v1/query', { query: '1' });
      const version = await versionOf(source);
      return version === null
        ? 'The server answers.'
        : `The server answers; it is version ${version}.`;
    },
  };
}

type Cell = Partial<Record<Aggregation, string>>;

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}

/** Those that were asked for, empty where a series has none; all but the name with `*`. */
function groupLabels(
  metric: Readonly<Record<string, string>>,
  groupBy: readonly string[],
): Record<string, string> {
  if (groupBy.includes('*')) {
    return Object.fromEntries(Object.entries(metric).filter(([name]) => name !== '__name__'));
  }
  return Object.fromEntries(groupBy.map((name) => [name, metric[name] ?? '']));
}

function pointsOf(
  cells: ReadonlyMap<number, Cell>,
  asked: readonly Aggregation[],
  all: readonly Aggregation[],
): Point[] {
  const points = [...cells]
    .sort(([a], [b]) => a - b)
    .map(([start, cell]): Point => {
      const values = asked.map((name) => {
        const value = Number(cell[name] ?? Number.NaN);
        return [name, Number.isFinite(value) ? value : null] as const;
      });
      return { at: new Date(start).toISOString(), values: Object.fromEntries(values) };
    });
  derivePoints(points, all, asked);
  return points;
}
