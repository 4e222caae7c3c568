'use client';

import { useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { IncidentBadge } from '../../../../../components/data/incident-badge.tsx';
import { RelativeTime } from '../../../../../components/data/relative-time.tsx';
import { StateBadge } from '../../../../../components/data/state-badge.tsx';
import { trpc } from '../../../../../components/trpc/client.ts';
import type { State, TargetDetail } from '../../../../../server/health/contract.ts';

function Block({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="border-t px-3.5 py-2.5 first:border-0">
      <h3 className="mb-1.5 text-12 text-muted">{title}</h3>
      {children}
    </div>
  );
}

function Targets({
  items,
}: {
  items: readonly { id: string; name: string; state: State; note?: string }[];
}) {
  return (
    <ul className="grid gap-1.5">
      {items.map(({ id, name, state, note }) => (
        <li key={id} className="flex min-w-0 items-center gap-2 text-13">
          <StateBadge state={state} />
          <Link href={`/health/target?id=${id}`} className="min-w-0 truncate hover:underline">
            {name}
          </Link>
          {note ? <span className="text-12 text-muted">{note}</span> : null}
        </li>
      ))}
    </ul>
  );
}

/** What it hangs on, what hangs on it, and its incidents. */
export function Related({ target }: { target: TargetDetail }) {
  const incidents = useQuery(trpc.incidents.list.queryOptions({ targetId: target.id, limit: 5 }))
    .data?.items;
  return (
    <section aria-labelledby="related" className="rounded-card border bg-surface">
      <h2 id="related" className="flex min-h-12 items-center border-b px-3.5 font-medium text-14">
        Dependencies and incidents
      </h2>
      <Block title="Depends on">
        {target.parents.length > 0 ? (
          <Targets items={target.parents} />
        ) : (
          <p className="text-13 text-muted">Nothing. Edit it to say what it needs.</p>
        )}
      </Block>
      {target.children.length > 0 ? (
        <Block title="Needed by">
          <Targets
            items={target.children.map((child) => ({
              ...child,
              ...(child.suppressed ? { note: `no alert: ${target.name} is down` } : {}),
            }))}
          />
        </Block>
      ) : null}
      <Block title="Incidents">
        {incidents && incidents.length > 0 ? (
          <ul className="grid gap-1.5">
            {incidents.map((incident) => (
              <li key={incident.id} className="flex min-w-0 items-center gap-2 text-13">
                <IncidentBadge status={incident.status} />
                <Link
                  href={`/incidents/detail?id=${incident.id}`}
                  className="min-w-0 truncate hover:underline"
                >
                  {incident.title}
                </Link>
                <span className="ml-auto shrink-0 text-12 text-muted">
                  <RelativeTime at={incident.openedAt} />
                </span>
              </li>
            ))}
          </ul>
        ) : (
          <p className="text-13 text-muted">None so far.</p>
        )}
      </Block>
    </section>
  );
}
