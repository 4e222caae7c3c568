/**
 * The engine's SQL: state of targets (compare-and-swap on `version`), transitions, episodes, and the raw checks.
 * A transition and everything that follows from it are one transaction.
 */
import type { Db, Tx } from '../platform/db/index.ts';
import { newId } from '../platform/ids.ts';
import type { Secrets } from '../platform/secrets.ts';
import type { State } from './contract.ts';
import { SHARDS } from './shards.ts';
import { type TargetRow, targetColumns, type Watched, watchedOf } from './watch.ts';

export type CheckRow = {
  ref: number;
  at: number;
  latencyMs: number | null;
  ok: boolean;
  excluded: boolean;
  detail: string | null;
};
export type Store = ReturnType<typeof createStore>;

export function createStore(deps: { db: Db; secrets: Secrets }) {
  const { db, secrets } = deps;
  return {
    /** Targets of these shards, all or those changed since; what is known as it stands is left out unread. */
    async load(
      shards: readonly number[],
      now: number,
      since: Date | null,
      isKnown: (id: string, updatedAt: number, version: number) => boolean = () => false,
    ): Promise<Watched[]> {
      const { rows } = await db.pool.query<TargetRow>(
        `SELECT ${targetColumns} WHERE t.ref % ${SHARDS} = ANY($1) AND ($2::timestamptz IS NULL OR t.updated_at >= $2)`,
        [shards, since],
      );
      return rows
        .filter((row) => !isKnown(row.id, row.updated_at.getTime(), row.version ?? 0))
        .map((row) => watchedOf(row, secrets, now));
    },
    async loadOne(id: string, now: number): Promise<Watched | null> {
      const { rows } = await db.pool.query<TargetRow>(`SELECT ${targetColumns} WHERE t.id = $1`, [
        id,
      ]);
      return rows[0] ? watchedOf(rows[0], secrets, now) : null;
    },
    /** Ids of all targets in these shards, to notice removed ones. */
    async ids(shards: readonly number[]): Promise<Set<string>> {
      const { rows } = await db.pool.query<{ id: string }>(
        `SELECT id::text FROM targets WHERE ref % ${SHARDS} = ANY($1)`,
        [shards],
      );
      return new Set(rows.map(({ id }) => id));
    },
    /** State of targets that other replicas check. */
    async states(ids: readonly string[]) {
      const { rows } = await db.pool.query<{
        target_id: string;
        name: string;
        observed: Watched['memory']['observed'];
        failures: number;
        last_check_at: Date | null;
        paused: boolean;
      }>(
        `SELECT s.target_id::text, t.name, s.observed, s.failures, s.last_check_at, t.paused
         FROM target_states s JOIN targets t ON t.id = s.target_id WHERE s.target_id = ANY($1::uuid[])`,
        [ids],
      );
      return rows;
    },
    async beats(ids: readonly string[]) {
      const { rows } = await db.pool.query<{
        target_id: string;
        last_beat_at: Date | null;
        last_beat_failed: boolean;
      }>(
        `SELECT target_id::text, last_beat_at, last_beat_failed FROM target_states WHERE target_id = ANY($1::uuid[])`,
        [ids],
      );
      return rows;
    },
    /** What the checks found, for targets whose state did not change. Rows of another version are left alone. */
    async saveMemories(batch: readonly Watched[]): Promise<void> {
      if (batch.length === 0) return;
      const column = <T>(of: (watched: Watched) => T): T[] => batch.map(of);
      const time = (of: (watched: Watched) => number | null) =>
        column((watched) => instant(of(watched)));
      await db.pool.query({
        name: 'health-memories',
        text: `UPDATE target_states s SET failures = t.failures, successes = t.successes, slow = t.slow,
                 first_failure_at = t.first_failure_at, outcomes = t.outcomes, outcome_count = t.outcome_count,
                 flapping = t.flapping, last_check_at = t.last_check_at, latency_ms = t.latency_ms, detail = t.detail,
                 tls_expires_at = t.tls_expires_at
               FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::int[], $6::timestamptz[], $7::int[],
                           $8::int[], $9::bool[], $10::timestamptz[], $11::real[], $12::text[], $13::timestamptz[])
                 AS t(id, version, failures, successes, slow, first_failure_at, outcomes, outcome_count, flapping,
                      last_check_at, latency_ms, detail, tls_expires_at)
               WHERE s.target_id = t.id AND s.version = t.version`,
        values: [
          column(({ config }) => config.id),
          column(({ version }) => version),
          column(({ memory }) => memory.failures),
          column(({ memory }) => memory.successes),
          column(({ memory }) => memory.impaired),
          time(({ memory }) => memory.firstFailureAt),
          column(({ memory }) => memory.outcomes),
          column(({ memory }) => memory.outcomeCount),
          column(({ memory }) => memory.flapping),
          time(({ lastCheckAt }) => lastCheckAt),
          column(({ latencyMs }) => latencyMs),
          column(({ detail }) => detail),
          time(({ tlsExpiresAt }) => tlsExpiresAt),
        ],
      });
    },
    async saveChecks(batch: readonly CheckRow[]): Promise<void> {
      if (batch.length === 0) return;
      await db.pool.query({
        name: 'health-checks',
        text: `INSERT INTO health_checks (ref, at, latency_ms, ok, excluded, detail)
               SELECT * FROM unnest($1::int[], $2::timestamptz[], $3::real[], $4::bool[], $5::bool[], $6::text[])`,
        values: [
          batch.map(({ ref }) => ref),
          batch.map(({ at }) => new Date(at)),
          batch.map(({ latencyMs }) => latencyMs),
          batch.map(({ ok }) => ok),
          batch.map(({ excluded }) => excluded),
          batch.map(({ detail }) => detail),
        ],
      });
    },
    /**
     * Writes a change of state. False when another process wrote this target in between: nothing was changed,
     * and the caller reads it again.
     */
    async saveTransition(
      tx: Tx,
      watched: Watched,
      change: { from: State; to: State; reason: string; at: number } | null,
    ): Promise<boolean> {
      const { config, memory } = watched;
      const updated = await tx.$executeRaw`
        UPDATE target_states SET state = ${watched.shown}::health_state, observed = ${memory.observed}::health_state,
          since = ${new Date(watched.shownSince)}, failures = ${memory.failures}, successes = ${memory.successes},
          slow = ${memory.impaired}, first_failure_at = ${instant(memory.firstFailureAt)}, outcomes = ${memory.outcomes},
          outcome_count = ${memory.outcomeCount}, flapping = ${memory.flapping}, last_check_at = ${instant(watched.lastCheckAt)},
          latency_ms = ${watched.latencyMs}, detail = ${watched.detail}, tls_expires_at = ${instant(watched.tlsExpiresAt)},
          series_id = ${watched.seriesId}::uuid, suppressed_by = ${watched.suppressedBy}::uuid, version = version + 1
        WHERE target_id = ${config.id}::uuid AND version = ${watched.version}`;
      if (updated === 0) return false;
      if (change && change.from !== change.to) {
        const at = new Date(change.at);
        await tx.targetTransition.create({
          data: {
            id: newId(at),
            targetId: config.id,
            at,
            from: change.from,
            to: change.to,
            reason: change.reason.slice(0, 1_000),
          },
          select: { id: true },
        });
      }
      return true;
    },
  };
}

const instant = (at: number | null): Date | null => (at === null ? null : new Date(at));
