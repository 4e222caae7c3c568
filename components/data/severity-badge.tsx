import type { Severity } from '../../server/notify/contract.ts';
import { StatusBadge, type StatusKind } from './status-badge.tsx';

const severities: Record<Severity, { kind: StatusKind; word: string }> = {
  critical: { kind: 'bad', word: 'Critical' },
  error: { kind: 'bad', word: 'Error' },
  warning: { kind: 'warn', word: 'Warning' },
  info: { kind: 'info', word: 'Info' },
};

export function SeverityBadge({ severity }: { severity: Severity }) {
  return <StatusBadge {...severities[severity]} />;
}
