import type { IncidentStatus } from '../../server/incidents/contract.ts';
import { StatusBadge, type StatusKind } from './status-badge.tsx';

const statuses: Record<IncidentStatus, { kind: StatusKind; word: string }> = {
  open: { kind: 'bad', word: 'Open' },
  acknowledged: { kind: 'warn', word: 'Acknowledged' },
  resolved: { kind: 'ok', word: 'Resolved' },
};

export function IncidentBadge({ status }: { status: IncidentStatus }) {
  return <StatusBadge {...statuses[status]} />;
}
