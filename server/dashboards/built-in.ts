/** The dashboard that every console has: the console itself, on its own metrics. Pure. */
import type { Panel } from './contract.ts';

const HTTP = 'wheelhouse_http_request_duration_seconds';
type Draft = Pick<Panel, 'id' | 'title' | 'visual' | 'unit'> & {
  width: number;
  query: Pick<Panel['query'], 'metric' | 'aggregations'> &
    Partial<Pick<Panel['query'], 'groupBy' | 'filters'>>;
};

const drafts: readonly Draft[] = [
  {
    id: 'requests',
    title: 'Requests per second by status',
    visual: 'area',
    unit: 'perSecond',
    width: 6,
    query: { metric: `${HTTP}_count`, groupBy: ['status'], aggregations: ['rate'] },
  },
  {
    id: 'latency',
    title: 'Time to answer, p95 of ten seconds',
    visual: 'line',
    unit: 'seconds',
    width: 6,
    query: {
      metric: 'wheelhouse_http_p95_seconds',
      groupBy: ['instance'],
      aggregations: ['max'],
    },
  },
  {
    id: 'errors',
    title: 'Share of requests that failed',
    visual: 'line',
    unit: 'ratio',
    width: 6,
    query: {
      metric: 'wheelhouse_http_error_ratio',
      groupBy: ['instance'],
      aggregations: ['max'],
    },
  },
  {
    id: 'loop',
    title: 'Event-loop delay, p99',
    visual: 'line',
    unit: 'seconds',
    width: 6,
    query: {
      metric: 'nodejs_eventloop_lag_p99_seconds',
      groupBy: ['instance'],
      aggregations: ['max'],
    },
  },
  {
    id: 'memory',
    title: 'Resident memory',
    visual: 'line',
    unit: 'bytes',
    width: 6,
    query: {
      metric: 'process_resident_memory_bytes',
      groupBy: ['instance'],
      aggregations: ['avg'],
    },
  },
  {
    id: 'pool',
    title: 'Database connections by state',
    visual: 'area',
    unit: 'number',
    width: 6,
    query: {
      metric: 'wheelhouse_database_pool_connections',
      groupBy: ['state'],
      aggregations: ['avg'],
    },
  },
  {
    id: 'jobs',
    title: 'Background jobs per second',
    visual: 'bar',
    unit: 'perSecond',
    width: 6,
    query: {
      metric: 'wheelhouse_job_duration_seconds_count',
      groupBy: ['job'],
      aggregations: ['rate'],
    },
  },
  {
    id: 'ingest',
    title: 'Samples taken per second by way',
    visual: 'area',
    unit: 'perSecond',
    width: 6,
    query: {
      metric: 'wheelhouse_metric_samples_total',
      groupBy: ['way'],
      aggregations: ['rate'],
    },
  },
];

const HEIGHT = 3;

export const builtIns: readonly { key: string; name: string; panels: readonly Panel[] }[] = [
  {
    key: 'console',
    name: 'Console',
    panels: drafts.map(({ query, width, ...draft }, index) => ({
      ...draft,
      x: (index % 2) * width,
      y: Math.floor(index / 2) * HEIGHT,
      width,
      height: HEIGHT,
      query: { groupBy: [], filters: [], timeRange: '1h', step: '1m', ...query },
    })),
  },
];
