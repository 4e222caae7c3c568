import type { State } from '../../server/health/contract.ts';
import { StatusBadge, type StatusKind } from './status-badge.tsx';

const states: Record<State, { kind: StatusKind; word: string }> = {
  healthy: { kind: 'ok', word: 'Healthy' },
  degraded: { kind: 'warn', word: 'Degraded' },
  down: { kind: 'bad', word: 'Down' },
  unknown: { kind: 'unknown', word: 'Unknown' },
  maintenance: { kind: 'maintenance', word: 'Maintenance' },
};

/** The state of a target; a paused one is not checked, so nothing is known of it. */
export function StateBadge({ state, paused }: { state: State; paused?: boolean }) {
  return paused ? <StatusBadge kind="off" word="Paused" /> : <StatusBadge {...states[state]} />;
}
