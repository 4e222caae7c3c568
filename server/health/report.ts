/** The health report: every component with what it shows and, for each problem, what to do. */
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { ComponentStatus } from '../system/contract.ts';
import type { HealthReport, State } from './contract.ts';

const ERROR_WINDOW_MS = 5 * 60_000;
const MAX_TARGETS = 1_000;

export type OwnFigures = {
  components: ComponentStatus[];
  eventLoopP99Seconds: number;
  heapUsedBytes: number;
  heapLimitBytes: number;
  diskFree: number | null;
};
type Component = HealthReport['components'][number];

const statusOf: Record<State, Component['status']> = {
  healthy: 'healthy',
  degraded: 'degraded',
  down: 'failed',
  unknown: 'unknown',
  maintenance: 'unknown',
};
const ownStatus: Record<ComponentStatus['status'], Component['status']> = {
  ok: 'healthy',
  warn: 'degraded',
  bad: 'failed',
  off: 'healthy',
};

/** What to do about it, in one sentence. Pure. */
export function recommend(target: {
  state: State;
  symptom: string | null;
  detail: string | null;
  hasRemedy: boolean;
  mode: string;
  suppressedBy: string | null;
  escalated: boolean;
}): string | null {
  if (target.state !== 'down' && target.state !== 'degraded') return null;
  if (target.suppressedBy) return `Mend ${target.suppressedBy} first: this depends on it.`;
  if (target.state === 'degraded') {
    if (target.detail?.includes('certificate')) return 'Renew the certificate.';
    return 'Look at its latency and errors over the last hours, and at what it depends on.';
  }
  const cause: Record<string, string> = {
    refused: 'Its process is not running or listens elsewhere: start it.',
    timeout: 'It hangs or the network drops packets: look at its load, then restart it.',
    dns: 'Its name does not resolve: look at the DNS record and the name server.',
    tls: 'Renew or replace its certificate.',
    status: 'It answers with an error: read its log.',
    body: 'It answers with the wrong content: look at what was deployed last.',
    reset: 'It closes connections: read its log for crashes.',
    unreachable: 'There is no route to it: look at the network and the host.',
    auth: 'It refuses the credentials: renew the ones of this target.',
    heartbeat: 'The job did not call in: look at its scheduler and its last run.',
    address: 'Its address is never connected to: give another one.',
  };
  const what = cause[target.symptom ?? ''] ?? 'Read its log.';
  if (!target.hasRemedy) return `${what} A remedy would let the console do it.`;
  if (target.escalated) return `${what} The remedy was tried and did not help.`;
  if (target.mode === 'approval') return `${what} A remedy waits for approval.`;
  return target.mode === 'off' ? `${what} The remedy is switched off.` : what;
}

export function createReport(deps: {
  db: Db;
  clock: Clock;
  own: () => Promise<OwnFigures>;
}): () => Promise<HealthReport> {
  const { db, clock, own } = deps;
  return async () => {
    const now = clock.now();
    const [figures, { rows }] = await Promise.all([
      own(),
      db.pool.query<{
        id: string;
        name: string;
        state: State;
        detail: string | null;
        latency_ms: number | null;
        symptom: string | null;
        escalated: boolean;
        has_remedy: boolean;
        mode: string;
        parent: string | null;
        checks: number | null;
        failures: number | null;
      }>(
        // Those in trouble first, so that a large fleet is cut where it is well.
        `WITH listed AS (
           SELECT t.id, t.ref, t.name, s.state, s.detail, s.latency_ms, t.remedy IS NOT NULL AS has_remedy, t.remedy_mode AS mode,
                  p.name AS parent, e.symptom, e.escalated_at IS NOT NULL AS escalated
           FROM targets t JOIN target_states s ON s.target_id = t.id
           LEFT JOIN targets p ON p.id = s.suppressed_by
           LEFT JOIN episodes e ON e.target_id = t.id AND e.recovered_at IS NULL
           ORDER BY s.state IN ('down', 'degraded') DESC, t.name LIMIT ${MAX_TARGETS})
         SELECT l.id::text, l.name, l.state, l.detail, l.latency_ms, l.has_remedy, l.mode, l.parent, l.symptom,
                coalesce(l.escalated, false) AS escalated, c.checks, c.failures
         FROM listed l LEFT JOIN (
           SELECT ref, count(*)::int AS checks, count(*) FILTER (WHERE NOT ok)::int AS failures
           FROM health_checks WHERE at > $1 AND NOT excluded GROUP BY ref) c ON c.ref = l.ref
         ORDER BY l.state IN ('down', 'degraded') DESC, l.name`,
        [new Date(now.getTime() - ERROR_WINDOW_MS)],
      ),
    ]);
    const components: Component[] = [
      ...figures.components.map(
        (each): Component => ({
          name: `Wheelhouse: ${each.name}`,
          status: ownStatus[each.status],
          latencyMs: each.latencyMs,
          errorRate: null,
          detail: each.detail,
          recommendation: ownAdvice(each),
          targetId: null,
        }),
      ),
      ...rows.map(
        (row): Component => ({
          name: row.name,
          status: statusOf[row.state],
          latencyMs: row.latency_ms,
          errorRate: row.checks ? (row.failures ?? 0) / row.checks : null,
          detail: row.detail ?? 'not checked yet',
          recommendation: recommend({
            state: row.state,
            symptom: row.symptom,
            detail: row.detail,
            hasRemedy: row.has_remedy,
            mode: row.mode,
            suppressedBy: row.parent,
            escalated: row.escalated,
          }),
          targetId: row.id,
        }),
      ),
    ];
    const worst = components.some(({ status }) => status === 'failed')
      ? 'failed'
      : components.some(({ status }) => status === 'degraded')
        ? 'degraded'
        : 'healthy';
    return {
      at: now.toISOString(),
      status: worst,
      components,
      resources: {
        rssBytes: process.memoryUsage.rss(),
        heapUsedBytes: figures.heapUsedBytes,
        heapLimitBytes: figures.heapLimitBytes,
        eventLoopP99Seconds: figures.eventLoopP99Seconds,
        diskFree: figures.diskFree,
      },
    };
  };
}

function ownAdvice({ name, status }: ComponentStatus): string | null {
  if (status === 'ok' || status === 'off') return null;
  const advice: Record<string, string> = {
    PostgreSQL: 'Look at its log and its connections; the console reconnects by itself.',
    Redis: 'Start it again; until then each replica works from its own memory.',
    Jobs: 'The log holds the cause; jobs are retried.',
    'Event loop': 'Something computes for too long in this process: look at the load.',
    Memory: 'Give the process more memory, or split roles over replicas.',
    Disk: 'Free space below the data folder before PostgreSQL stops.',
  };
  return advice[name] ?? 'Look at the overview.';
}
