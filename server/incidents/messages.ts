/** What people are told of an incident. Pure. */
import type { NotifyMessage, Severity } from '../notify/index.ts';

export type MessageContext = {
  id: string;
  title: string;
  severity: Severity;
  startedAt: Date;
  members: readonly { name: string; recoveredAt: Date | null; joinedAt: Date }[];
};
export type Told = {
  kind: NotifyMessage['kind'];
  detail: string;
  facts: { label: string; value: string }[];
  /** Makes the event unique within the incident. */
  key: string;
  href?: string;
};

const SHOWN = 20;

export const hrefOf = (id: string): string => `/incidents/detail?id=${id}`;

export function message(incident: MessageContext, told: Told, now: Date): NotifyMessage {
  return {
    key: `incident:${incident.id}:${told.key}`,
    kind: told.kind,
    thread: incident.id,
    severity: incident.severity,
    title: titleOf(incident, told.kind),
    text: told.detail,
    facts: [{ label: 'Since', value: incident.startedAt.toISOString() }, ...told.facts],
    at: now.toISOString(),
    href: told.href ?? hrefOf(incident.id),
  };
}

function titleOf({ title }: MessageContext, kind: Told['kind']): string {
  switch (kind) {
    case 'resolve':
      return `Resolved: ${title}`;
    case 'acknowledge':
      return `Acknowledged: ${title}`;
    case 'escalate':
      return `Escalated: ${title}`;
    case 'reminder':
      return `Still open: ${title}`;
    case 'approval':
      return `Approval needed: ${title}`;
    case 'update':
      return `More: ${title}`;
    default:
      return title;
  }
}

/** The first message of a group, or what joined it since. */
export function firstMessage(
  incident: MessageContext,
  kind: 'trigger' | 'update',
  now: Date,
): Told {
  const down = incident.members.filter(({ recoveredAt }) => recoveredAt === null);
  const names = down.slice(0, SHOWN).map(({ name }) => name);
  const more = down.length > SHOWN ? ` and ${down.length - SHOWN} more` : '';
  return {
    kind,
    detail: `${down.length} ${down.length === 1 ? 'target is' : 'targets are'} down: ${names.join(', ')}${more}`,
    facts: [],
    key: kind === 'trigger' ? 'trigger' : `update:${now.toISOString()}`,
  };
}
