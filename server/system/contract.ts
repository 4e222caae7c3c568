import type { AuditItem } from '../audit/contract.ts';

export type SystemInfo = {
  version: string;
  startedAt: string;
  role: 'web' | 'worker' | 'all';
  database: 'embedded' | 'external';
  redis: 'off' | 'up' | 'down';
};

/** One moment of the console's own figures; names as in the stream's frames. */
export type MetricPoint = { at: string; metrics: Record<string, number> };

export type ComponentStatus = {
  name: string;
  status: 'ok' | 'warn' | 'bad' | 'off';
  latencyMs: number | null;
  detail: string;
};
export type AttentionItem = {
  id: string;
  severity: 'warn' | 'bad';
  title: string;
  detail: string;
  href: string | null;
};
export type Overview = {
  at: string;
  startedAt: string;
  version: string;
  components: ComponentStatus[];
  attention: AttentionItem[];
  /** Up to 15 min of the console's own figures, one point each `stepMs`, oldest first. */
  history: { stepMs: number; points: MetricPoint[] };
  /** Latest entries; empty for those who may not read the audit log. */
  recentAudit: AuditItem[];
};

export type SettingItem = {
  name: string;
  group: string;
  description: string;
  /** In words, e.g. "a whole number from 0 to 65535". */
  accepts: string;
  /** As in effect; `null` when unset; secrets are masked. */
  value: string | null;
  defaultValue: string | null;
  secret: boolean;
  source: 'default' | 'environment' | 'file' | 'generated';
};

export const securityStates = ['bad', 'warn', 'ok'] as const;
export type SecurityState = (typeof securityStates)[number];
/** One line of the security checklist. */
export type SecurityItem = {
  id: string;
  area: string;
  title: string;
  state: SecurityState;
  /** As it is now. */
  value: string;
  why: string;
  how: string;
};

/** Names of the figures in stream frames, by topic. Base units: seconds, bytes, ratios 0–1. */
export const liveMetrics = {
  http: [
    'http_requests_per_second',
    'http_errors_per_second',
    'http_latency_p50_seconds',
    'http_latency_p95_seconds',
    'http_latency_p99_seconds',
    'http_in_flight',
  ],
  process: [
    'process_event_loop_delay_p99_seconds',
    'process_heap_used_bytes',
    'process_heap_limit_bytes',
    'process_rss_bytes',
    'process_cpu_ratio',
  ],
  database: [
    'database_up',
    'database_latency_seconds',
    'database_pool_total',
    'database_pool_idle',
    'database_pool_waiting',
    'database_pool_max',
  ],
  redis: ['redis_up', 'redis_configured', 'redis_latency_seconds'],
  jobs: ['jobs_queued', 'jobs_active', 'jobs_failed'],
  stream: ['stream_clients'],
  metrics: ['metric_samples_per_second', 'metric_series', 'metric_recent_samples'],
} as const;
export type LiveTopic = keyof typeof liveMetrics;

/** One server-sent `frame`. `events` tell what changed, so that a page refetches just that. */
export type LiveEvent = { topic: string; type: string; id?: string };
export type LiveFrame = { at: string; metrics: Record<string, number>; events: LiveEvent[] };
