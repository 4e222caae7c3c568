import { Bot, KeyRound, Ticket, User } from 'lucide-react';
import type { Column } from '../../../../components/data/columns.ts';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { CopyButton } from '../../../../components/ui/copy-button.tsx';
import type { AuditEntry } from './use-audit.ts';

const actorIcons = { user: User, key: KeyRound, token: Ticket, system: Bot } as const;
const actorWords = {
  user: 'Person',
  key: 'API key',
  token: 'Token',
  system: 'Automation',
} as const;

export function Actor({ actor }: { actor: AuditEntry['actor'] }) {
  const Icon = actorIcons[actor.kind];
  return (
    <span
      className="flex min-w-0 items-center gap-2"
      title={`${actorWords[actor.kind]}: ${actor.name}`}
    >
      <Icon
        aria-label={actorWords[actor.kind]}
        role="img"
        className="size-3.5 shrink-0 text-faint"
      />
      <span className="truncate">{actor.name}</span>
    </span>
  );
}

const targetText = ({ target }: AuditEntry) => target.name ?? target.id ?? target.kind;

export const auditColumns: readonly Column<AuditEntry>[] = [
  {
    id: 'seq',
    header: 'No.',
    width: '80px',
    align: 'right',
    csv: (entry) => entry.seq,
    cell: (entry) => entry.seq,
  },
  {
    id: 'at',
    header: 'When',
    width: '120px',
    csv: (entry) => entry.at,
    cell: (entry) => <RelativeTime at={entry.at} />,
  },
  {
    id: 'actor',
    header: 'Who',
    csv: (entry) => entry.actor.name,
    cell: (entry) => <Actor actor={entry.actor} />,
  },
  {
    id: 'action',
    header: 'Action',
    csv: (entry) => entry.action,
    cell: (entry) => (
      <span title={entry.action} className="font-mono text-12">
        {entry.action}
      </span>
    ),
  },
  {
    id: 'target',
    header: 'Target',
    csv: (entry) => `${entry.target.kind} ${targetText(entry)}`,
    cell: (entry) => (
      <span title={targetText(entry)}>
        <span className="text-muted">{entry.target.kind}</span> {targetText(entry)}
      </span>
    ),
  },
  {
    id: 'rule',
    header: 'Allowed by',
    width: '130px',
    csv: (entry) => entry.rule,
    cell: (entry) => <span title={entry.rule}>{entry.rule}</span>,
  },
  {
    id: 'request',
    header: 'Request',
    width: '150px',
    csv: (entry) => entry.requestId,
    cell: ({ requestId }) =>
      requestId ? (
        <span className="flex items-center gap-1">
          <code title={requestId} className="truncate font-mono text-12">
            {requestId}
          </code>
          <CopyButton
            value={requestId}
            what="request id"
            className="opacity-0 focus-visible:opacity-100 group-hover:opacity-100"
          />
        </span>
      ) : (
        '–'
      ),
  },
];
