import {
  ArrowDownRight,
  BellRing,
  CircleAlert,
  CircleCheck,
  Dot,
  Hammer,
  type LucideIcon,
  MessageSquareText,
  Siren,
  UserCheck,
} from 'lucide-react';
import { EmptyState } from '../../../../../components/data/empty-state.tsx';
import { formatClock, formatInstant } from '../../../../../components/format/time.ts';
import { Button } from '../../../../../components/ui/button.tsx';
import type { IncidentDetail } from '../../../../../server/incidents/contract.ts';

const kinds: Record<string, { icon: LucideIcon; word: string; tone: string }> = {
  opened: { icon: CircleAlert, word: 'Opened', tone: 'text-bad-text' },
  joined: { icon: CircleAlert, word: 'Joined', tone: 'text-bad-text' },
  updated: { icon: Dot, word: 'Updated', tone: 'text-muted' },
  state: { icon: Dot, word: 'State', tone: 'text-muted' },
  remedy: { icon: Hammer, word: 'Remedy', tone: 'text-info-text' },
  suppressed: { icon: ArrowDownRight, word: 'Held back', tone: 'text-muted' },
  escalated: { icon: Siren, word: 'Escalated', tone: 'text-bad-text' },
  acknowledged: { icon: UserCheck, word: 'Acknowledged', tone: 'text-warn-text' },
  note: { icon: MessageSquareText, word: 'Note', tone: 'text-text' },
  notified: { icon: BellRing, word: 'Told', tone: 'text-muted' },
  recovered: { icon: CircleCheck, word: 'Recovered', tone: 'text-ok-text' },
  resolved: { icon: CircleCheck, word: 'Resolved', tone: 'text-ok-text' },
};

type Event = IncidentDetail['timeline'][number];

/** What a message or an escalation was sent with. */
function factsOf(data: unknown): { label: string; value: string }[] {
  if (typeof data !== 'object' || data === null || !('facts' in data)) return [];
  if (!Array.isArray(data.facts)) return [];
  return data.facts.flatMap((fact: unknown) =>
    typeof fact === 'object' && fact !== null && 'label' in fact && 'value' in fact
      ? [{ label: String(fact.label), value: String(fact.value) }]
      : [],
  );
}

function Entry({ event }: { event: Event }) {
  const kind = kinds[event.kind] ?? { icon: Dot, word: event.kind, tone: 'text-muted' };
  const Icon = kind.icon;
  const facts = factsOf(event.data);
  return (
    <li className="flex gap-3 border-b px-3.5 py-2.5 text-13 last:border-0">
      <Icon aria-hidden className={`mt-0.5 size-4 shrink-0 ${kind.tone}`} />
      <div className="min-w-0 flex-1">
        <div className="flex flex-wrap items-baseline gap-x-2">
          <span className="font-medium">{kind.word}</span>
          {event.actor ? <span className="text-muted">{event.actor}</span> : null}
          <time
            dateTime={event.at}
            title={formatInstant(event.at)}
            className="ml-auto text-12 text-muted tabular-nums"
          >
            {formatClock(event.at)}
          </time>
        </div>
        <p className="whitespace-pre-wrap break-words text-muted">{event.detail}</p>
        {facts.length > 0 ? (
          <dl className="mt-1 grid grid-cols-[auto_1fr] gap-x-3 text-12">
            {facts.map((fact) => (
              <div key={`${fact.label} ${fact.value}`} className="contents">
                <dt className="text-faint">{fact.label}</dt>
                <dd className="min-w-0 break-words text-muted">{fact.value}</dd>
              </div>
            ))}
          </dl>
        ) : null}
      </div>
    </li>
  );
}

/** Everything that happened, in order. */
export function Timeline(props: { events: readonly Event[]; onNote: (() => void) | null }) {
  const { events, onNote } = props;
  return (
    <section aria-labelledby="timeline" className="rounded-card border bg-surface">
      <div className="flex min-h-12 items-center justify-between gap-2 border-b px-3.5">
        <h2 id="timeline" className="font-medium text-14">
          Timeline
        </h2>
        {onNote ? <Button onClick={onNote}>Add note</Button> : null}
      </div>
      {events.length === 0 ? (
        <EmptyState title="Nothing yet" why="What happens will stand here." />
      ) : (
        <ol aria-label="Timeline" aria-live="polite">
          {events.map((event) => (
            <Entry key={event.id} event={event} />
          ))}
        </ol>
      )}
    </section>
  );
}
