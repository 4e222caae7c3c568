/** How channels and messages are called, and which status they have. */
import type { StatusKind } from '../../../../components/data/status-badge.tsx';
import { count } from '../../../../components/format/number.ts';
import type {
  ChannelItem,
  ChannelKind,
  DeliveryStatus,
  MessageKind,
  Severity,
} from '../../../../server/notify/contract.ts';

export const kindWords: Record<ChannelKind, string> = {
  slack: 'Slack',
  email: 'E-mail',
  pagerduty: 'PagerDuty',
  webhook: 'Webhook',
};
export const severityWords: Record<Severity, string> = {
  critical: 'Critical only',
  error: 'Error and above',
  warning: 'Warning and above',
  info: 'Everything',
};
export const messageWords: Record<MessageKind, string> = {
  trigger: 'Opened',
  update: 'Update',
  acknowledge: 'Acknowledged',
  escalate: 'Escalated',
  reminder: 'Reminder',
  approval: 'Approval',
  resolve: 'Resolved',
  test: 'Test',
  rollup: 'Rollup',
};
export const deliveryWords: Record<DeliveryStatus, { kind: StatusKind; word: string }> = {
  pending: { kind: 'info', word: 'Waiting' },
  sending: { kind: 'info', word: 'Sending' },
  delivered: { kind: 'ok', word: 'Delivered' },
  dead: { kind: 'bad', word: 'Dead' },
  folded: { kind: 'off', word: 'In a rollup' },
  cancelled: { kind: 'off', word: 'Cancelled' },
};

/** What of a channel needs attention first. */
export function stateOf(channel: ChannelItem): { kind: StatusKind; word: string } {
  if (!channel.enabled) return { kind: 'off', word: 'Disabled' };
  if (channel.deadCount > 0) return { kind: 'bad', word: 'Failing' };
  if (channel.lastError !== null) {
    // Tests are not tried again and not counted.
    return { kind: 'warn', word: channel.pendingCount > 0 ? 'Retrying' : 'Test failed' };
  }
  if (channel.lastDeliveryAt === null) return { kind: 'unknown', word: 'Not used yet' };
  return { kind: 'ok', word: 'Works' };
}

/** Where a channel leads, in one line. */
export function placeOf({ settings }: ChannelItem): string {
  if (settings.kind !== 'email') return settings.url;
  const [first, ...others] = settings.to;
  const more = others.length > 0 ? ` and ${count(others.length, 'other')}` : '';
  return `${first ?? ''}${more}`;
}
