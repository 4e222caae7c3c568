/** What the engine knows of a target, and how it reads it from the database. */
import type { Secrets } from '../platform/secrets.ts';
import type {
  Observed,
  Remedy,
  RemedyMode,
  State,
  TargetKind,
  TargetSettings,
} from './contract.ts';
import { targetSettingsSchema } from './contract.ts';
import { freshMemory, type Memory, type Policy } from './state.ts';

/** What stands sealed in the row. */
export type Sealed = { url?: string; headers?: Record<string, string>; remedySecret?: string };

export type TargetConfig = {
  id: string;
  ref: number;
  name: string;
  kind: TargetKind;
  /** With credentials; empty for heartbeats. */
  url: string;
  host: string | null;
  headers: Record<string, string>;
  settings: TargetSettings;
  policy: Policy;
  intervalMs: number;
  timeoutMs: number;
  paused: boolean;
  group: string | null;
  remedy: Remedy | null;
  remedyMode: RemedyMode;
  demoted: boolean;
  /** When its settings last changed. */
  updatedAt: number;
  parents: readonly string[];
  createdAt: number;
};
export type OpenEpisode = {
  id: string;
  downAt: number;
  firstFailureAt: number;
  symptom: string;
  incidentId: string | null;
  escalated: boolean;
};
export type Watched = {
  config: TargetConfig;
  memory: Memory;
  shown: State;
  shownSince: number;
  version: number;
  lastCheckAt: number | null;
  latencyMs: number | null;
  detail: string | null;
  symptom: string | null;
  tlsExpiresAt: number | null;
  lastBeatAt: number | null;
  lastBeatFailed: boolean;
  suppressedBy: string | null;
  seriesId: string | null;
  episode: OpenEpisode | null;
  /** Unresolved incident that this target is an open member of. */
  incidentId: string | null;
  /** When it last came back from down. */
  recoveredAt: number | null;
  /** A check runs now. */
  running: boolean;
  /** When the engine began to watch it, for heartbeats that nobody could take in before. */
  watchedSince: number;
  /** Check each second until then, to see at once whether a remedy helped. */
  closeWatchUntil: number;
};

export type TargetRow = {
  id: string;
  ref: number;
  name: string;
  kind: TargetKind;
  address: string;
  sealed: string | null;
  paused: boolean;
  interval_seconds: number;
  timeout_ms: number;
  fail_after: number;
  recover_after: number;
  settings: unknown;
  group: string | null;
  remedy: Remedy | null;
  remedy_mode: RemedyMode;
  demoted_at: Date | null;
  created_at: Date;
  updated_at: Date;
  parents: string[];
  state: State | null;
  observed: Observed | null;
  since: Date | null;
  failures: number | null;
  successes: number | null;
  slow: number | null;
  first_failure_at: Date | null;
  outcomes: number | null;
  outcome_count: number | null;
  flapping: boolean | null;
  last_check_at: Date | null;
  latency_ms: number | null;
  detail: string | null;
  tls_expires_at: Date | null;
  last_beat_at: Date | null;
  last_beat_failed: boolean | null;
  suppressed_by: string | null;
  series_id: string | null;
  version: number | null;
  episode_id: string | null;
  down_at: Date | null;
  episode_first_failure_at: Date | null;
  symptom: string | null;
  episode_incident_id: string | null;
  escalated_at: Date | null;
  open_incident_id: string | null;
  recovered_at: Date | null;
};

export const targetColumns = `
  t.id::text, t.ref, t.name, t.kind, t.address, t.sealed, t.paused, t.interval_seconds, t.timeout_ms, t.fail_after,
  t.recover_after, t.settings, t."group", t.remedy, t.remedy_mode, t.demoted_at, t.created_at, t.updated_at,
  ARRAY(SELECT d.parent_id::text FROM target_dependencies d WHERE d.child_id = t.id) AS parents,
  s.state, s.observed, s.since, s.failures, s.successes, s.slow, s.first_failure_at, s.outcomes, s.outcome_count,
  s.flapping, s.last_check_at, s.latency_ms, s.detail, s.tls_expires_at, s.last_beat_at, s.last_beat_failed,
  s.suppressed_by::text, s.series_id::text, s.version,
  e.id::text AS episode_id, e.down_at, e.first_failure_at AS episode_first_failure_at, e.symptom,
  e.incident_id::text AS episode_incident_id, e.escalated_at,
  (SELECT m.incident_id::text FROM incident_members m JOIN incidents i ON i.id = m.incident_id
   WHERE m.target_id = t.id AND m.recovered_at IS NULL AND i.status <> 'resolved' LIMIT 1) AS open_incident_id,
  (SELECT max(r.recovered_at) FROM episodes r WHERE r.target_id = t.id) AS recovered_at
  FROM targets t
  LEFT JOIN target_states s ON s.target_id = t.id
  LEFT JOIN episodes e ON e.target_id = t.id AND e.recovered_at IS NULL`;

export function openSealed(secrets: Secrets, id: string, sealed: string | null): Sealed {
  if (sealed === null) return {};
  // Written by `sealTarget` below under the same context.
  return JSON.parse(secrets.open(sealed, `target:${id}`)) as Sealed;
}

export function sealTarget(secrets: Secrets, id: string, sealed: Sealed): string | null {
  const empty = Object.values(sealed).every((value) => value === undefined);
  return empty ? null : secrets.seal(JSON.stringify(sealed), `target:${id}`);
}

export function configOf(row: TargetRow, secrets: Secrets): TargetConfig {
  const sealed = openSealed(secrets, row.id, row.sealed);
  const settings = targetSettingsSchema.parse(row.settings);
  const url = sealed.url ?? row.address;
  return {
    id: row.id,
    ref: row.ref,
    name: row.name,
    kind: row.kind,
    url,
    host: hostOf(url),
    headers: sealed.headers ?? {},
    settings,
    policy: {
      failAfter: row.fail_after,
      recoverAfter: row.recover_after,
      errorRate: settings.errorRate,
    },
    intervalMs: row.interval_seconds * 1000,
    timeoutMs: row.timeout_ms,
    paused: row.paused,
    group: row.group,
    remedy: row.remedy,
    remedyMode: row.remedy_mode,
    demoted: row.demoted_at !== null,
    updatedAt: row.updated_at.getTime(),
    parents: row.parents,
    createdAt: row.created_at.getTime(),
  };
}

export function watchedOf(row: TargetRow, secrets: Secrets, now: number): Watched {
  const fresh = freshMemory(row.since?.getTime() ?? now);
  return {
    config: configOf(row, secrets),
    memory: {
      ...fresh,
      observed: row.observed ?? 'unknown',
      failures: row.failures ?? 0,
      successes: row.successes ?? 0,
      impaired: row.slow ?? 0,
      firstFailureAt: row.first_failure_at?.getTime() ?? null,
      outcomes: row.outcomes ?? 0,
      outcomeCount: row.outcome_count ?? 0,
      flapping: row.flapping ?? false,
    },
    shown: row.state ?? 'unknown',
    shownSince: row.since?.getTime() ?? now,
    version: row.version ?? 0,
    lastCheckAt: row.last_check_at?.getTime() ?? null,
    latencyMs: row.latency_ms,
    detail: row.detail,
    symptom: row.symptom,
    tlsExpiresAt: row.tls_expires_at?.getTime() ?? null,
    lastBeatAt: row.last_beat_at?.getTime() ?? null,
    lastBeatFailed: row.last_beat_failed ?? false,
    suppressedBy: row.suppressed_by,
    seriesId: row.series_id,
    episode: episodeOf(row),
    incidentId: row.open_incident_id,
    recoveredAt: row.recovered_at?.getTime() ?? null,
    running: false,
    watchedSince: now,
    closeWatchUntil: 0,
  };
}

function episodeOf(row: TargetRow): OpenEpisode | null {
  if (!row.episode_id || !row.down_at || !row.episode_first_failure_at) return null;
  return {
    id: row.episode_id,
    downAt: row.down_at.getTime(),
    firstFailureAt: row.episode_first_failure_at.getTime(),
    symptom: row.symptom ?? 'other',
    incidentId: row.episode_incident_id,
    escalated: row.escalated_at !== null,
  };
}

function hostOf(url: string): string | null {
  try {
    return new URL(url).hostname || null;
  } catch {
    return null;
  }
}

/** What an operator sees of what the checks say. */
export function shownState(
  observed: Observed,
  { paused, maintenance }: { paused: boolean; maintenance: boolean },
): State {
  if (paused) return 'unknown';
  return maintenance ? 'maintenance' : observed;
}
