/** One check of a target of any kind: asked for, or, for a heartbeat, looked up. */
import type { Clock } from '../platform/clock.ts';
import type { Prober } from './checks/index.ts';
import type { CheckResult } from './contract.ts';
import type { Store } from './store.ts';
import type { Watched } from './watch.ts';

export function createChecker(deps: {
  clock: Clock;
  prober: Prober;
  store: Store;
  signal: AbortSignal;
}): (target: Watched) => Promise<CheckResult> {
  const { clock, prober, store, signal } = deps;
  const probe = (target: Watched): Promise<CheckResult> => {
    const { kind, url, headers, settings, timeoutMs } = target.config;
    // Heartbeats do not come here.
    const probed = kind === 'heartbeat' ? 'tcp' : kind;
    return prober({ kind: probed, url, headers, settings, timeoutMs, signal });
  };
  /** Heartbeats that are looked at together are read together. */
  let asking: { ids: string[]; rows: ReturnType<typeof store.beats> } | null = null;
  const lastBeat = async (id: string) => {
    if (!asking) {
      const batch: string[] = [];
      const read = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        asking = null;
        return store.beats(batch);
      });
      asking = { ids: batch, rows: read };
    }
    asking.ids.push(id);
    const found = await asking.rows;
    return found.find((row) => row.target_id === id);
  };
  const checkBeat = async (target: Watched): Promise<CheckResult> => {
    const { config } = target;
    const row = await lastBeat(config.id);
    const now = clock.now().getTime();
    target.lastBeatAt = row?.last_beat_at?.getTime() ?? null;
    // Whoever called while no console ran could not be heard.
    const since = Math.max(target.lastBeatAt ?? config.createdAt, target.watchedSince);
    const late = now - since > config.intervalMs + config.timeoutMs;
    const failed = row?.last_beat_failed ?? false;
    const seen =
      target.lastBeatAt === null
        ? 'never called in'
        : `last heartbeat ${Math.round((now - target.lastBeatAt) / 1000)} s ago`;
    return {
      at: new Date(now).toISOString(),
      ok: !late && !failed,
      latencyMs: null,
      detail:
        failed && !late
          ? 'the heartbeat reported a failure'
          : `${seen}, expected every ${config.intervalMs / 1000} s`,
      symptom: late || failed ? 'heartbeat' : null,
      impaired: null,
      tlsExpiresAt: null,
    };
  };
  return (target) => (target.config.kind === 'heartbeat' ? checkBeat(target) : probe(target));
}
