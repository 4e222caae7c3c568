/**
 * Heartbeats: targets that call in. Answered after the database has it; calls that come together are written in
 * one statement, so that thousands a second cost little.
 */
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { hashOf } from './targets.ts';

const GATHER_MS = 10;
const MAX_WAITING = 10_000;

export type Heartbeats = {
  /** Takes a call in; false when the token is unknown. `failed` says that the job ended badly. */
  beat(token: string, failed: boolean): Promise<boolean>;
};
type Waiting = { hash: Uint8Array; failed: boolean; settle(known: boolean | Error): void };

export function createHeartbeats(deps: { db: Db; bus: Bus; clock: Clock }): Heartbeats {
  const { db, bus, clock } = deps;
  let waiting: Waiting[] = [];
  let gathering = false;
  const write = async () => {
    gathering = false;
    const batch = waiting;
    waiting = [];
    try {
      const { rows } = await db.pool.query<{
        hash: Buffer;
        id: string;
        observed: string;
        failures: number;
        failed: boolean;
      }>({
        name: 'health-beats',
        text: `WITH beats AS (
                 SELECT hash, bool_or(failed) AS failed FROM unnest($1::bytea[], $2::bool[]) AS b(hash, failed) GROUP BY hash)
               UPDATE target_states s SET last_beat_at = $3, last_beat_failed = beats.failed
               FROM beats JOIN targets t ON t.heartbeat_hash = beats.hash
               WHERE s.target_id = t.id
               RETURNING beats.hash, s.target_id::text AS id, s.observed, s.failures, s.last_beat_failed AS failed`,
        values: [
          batch.map(({ hash }) => Buffer.from(hash)),
          batch.map(({ failed }) => failed),
          clock.now(),
        ],
      });
      const known = new Set(rows.map(({ hash }) => hash.toString('hex')));
      for (const each of batch) each.settle(known.has(Buffer.from(each.hash).toString('hex')));
      for (const row of rows) {
        if (row.observed !== 'healthy' || row.failures > 0 || row.failed) {
          bus.publish({ topic: 'health', type: 'recheck', id: row.id });
        }
      }
    } catch (error) {
      for (const each of batch)
        each.settle(error instanceof Error ? error : new Error(String(error)));
    }
  };
  return {
    beat(token, failed) {
      if (waiting.length >= MAX_WAITING) {
        throw new AppError(
          'SERVICE_UNAVAILABLE',
          'Too many heartbeats at once. Try again shortly.',
        );
      }
      return new Promise((resolve, reject) => {
        waiting.push({
          hash: hashOf(token),
          failed,
          settle: (known) => (known instanceof Error ? reject(known) : resolve(known)),
        });
        if (gathering) return;
        gathering = true;
        setTimeout(write, GATHER_MS);
      });
    },
  };
}
