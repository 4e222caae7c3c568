'use client';

import { useQuery } from '@tanstack/react-query';
import dynamic from 'next/dynamic';
import Link from 'next/link';
import { parseAsString, useQueryState } from 'nuqs';
import { useState } from 'react';
import { EmptyState } from '../../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../../components/data/error-panel.tsx';
import { IncidentBadge } from '../../../../../components/data/incident-badge.tsx';
import { PageHeader } from '../../../../../components/data/page-header.tsx';
import { PageSkeleton } from '../../../../../components/data/page-skeleton.tsx';
import { RelativeTime } from '../../../../../components/data/relative-time.tsx';
import { SeverityBadge } from '../../../../../components/data/severity-badge.tsx';
import { StaleNote } from '../../../../../components/data/stale-note.tsx';
import { Stat } from '../../../../../components/data/stat.tsx';
import { StatusBadge } from '../../../../../components/data/status-badge.tsx';
import { formatDuration } from '../../../../../components/format/duration.ts';
import { useMe } from '../../../../../components/shell/use-me.ts';
import { trpc } from '../../../../../components/trpc/client.ts';
import { failureOf } from '../../../../../components/trpc/errors.ts';
import { allows } from '../../../../../components/trpc/role.ts';
import { Button, buttonClass } from '../../../../../components/ui/button.tsx';
import type { IncidentDetail } from '../../../../../server/incidents/contract.ts';
import { Timeline } from './timeline.tsx';

const ActionDialog = dynamic(() => import('./action-dialog.tsx'), { ssr: false });
export type IncidentAction = 'acknowledge' | 'resolve' | 'note';

/** Who else reports incidents. */
const sources: Record<string, string> = {
  alertmanager: 'Alertmanager',
  capacity: 'Capacity',
  forecasts: 'Forecasts',
};

const span = (ms: number | null, missing: string) =>
  ms === null ? missing : formatDuration(ms / 1000);

function Body({
  incident,
  act,
}: {
  incident: IncidentDetail;
  act: ((action: IncidentAction) => void) | null;
}) {
  return (
    <>
      <section aria-label="Figures" className="mb-6 grid grid-cols-2 gap-3 lg:grid-cols-4">
        <Stat
          label="Detected after"
          value={span(incident.detectMs, '–')}
          note={incident.targets.length > 0 ? 'from the first failed check' : 'from when it began'}
        />
        <Stat
          label="Acknowledged after"
          value={span(incident.acknowledgeMs, incident.resolvedAt ? '–' : 'not yet')}
          note={
            incident.acknowledgedBy
              ? `by ${incident.acknowledgedBy}`
              : incident.resolvedAt
                ? 'nobody had to'
                : 'nobody is on it'
          }
          tone={incident.acknowledgeMs === null && incident.status === 'open' ? 'warn' : 'plain'}
        />
        <Stat
          label="Recovered after"
          value={span(incident.recoverMs, 'goes on')}
          note={
            incident.resolvedBy
              ? `resolved by ${incident.resolvedBy}`
              : incident.resolvedAt
                ? 'resolved by itself'
                : 'not resolved'
          }
          tone={incident.recoverMs === null ? 'bad' : 'plain'}
        />
        {incident.targets.length > 0 ? (
          <Stat label="Targets" value={String(incident.targets.length)} note={incident.source} />
        ) : (
          <Stat label="Reported by" value={sources[incident.source] ?? incident.source} />
        )}
      </section>
      <div
        className={`grid items-start gap-6 ${incident.targets.length > 0 ? 'xl:grid-cols-[2fr_1fr]' : ''}`}
      >
        <Timeline events={incident.timeline} onNote={act ? () => act('note') : null} />
        {incident.targets.length > 0 ? (
          <section aria-labelledby="targets" className="rounded-card border bg-surface">
            <h2
              id="targets"
              className="flex min-h-12 items-center border-b px-3.5 font-medium text-14"
            >
              Targets
            </h2>
            <ul>
              {incident.targets.map((target) => (
                <li
                  key={target.id}
                  className="flex min-h-10 items-center gap-2 border-b px-3.5 text-13 last:border-0"
                >
                  <StatusBadge
                    kind={target.recovered ? 'ok' : 'bad'}
                    word={target.recovered ? 'Well again' : 'Down'}
                  />
                  <Link
                    href={`/health/target?id=${target.id}`}
                    className="min-w-0 truncate hover:underline"
                  >
                    {target.name}
                  </Link>
                </li>
              ))}
            </ul>
          </section>
        ) : null}
      </div>
    </>
  );
}

export function IncidentPage() {
  const [id] = useQueryState('id', parseAsString.withDefault(''));
  const query = useQuery(trpc.incidents.get.queryOptions({ id }, { enabled: id !== '' }));
  const me = useMe();
  const [action, setAction] = useState<IncidentAction | null>(null);
  const { data: incident } = query;
  if (id === '' || (query.isError && failureOf(query.error).status === 404)) {
    return (
      <>
        <PageHeader title="Incident" state="" />
        <EmptyState
          title="There is no such incident"
          why="The address may be cut off."
          action={
            <Link href="/incidents" className={buttonClass('secondary')}>
              All incidents
            </Link>
          }
        />
      </>
    );
  }
  if (query.isError && !incident) {
    return (
      <>
        <PageHeader title="Incident" state="" />
        <ErrorPanel what="The incident" error={query.error} onRetry={() => query.refetch()} />
      </>
    );
  }
  if (!incident) return <PageSkeleton title="Incident" />;
  const mayAct = me !== undefined && me !== null && allows(me.role, 'operator');
  return (
    <>
      <PageHeader
        title={incident.title}
        state={
          <span className="flex flex-wrap items-center gap-2">
            <IncidentBadge status={incident.status} />
            <SeverityBadge severity={incident.severity} />
            {incident.escalated ? <StatusBadge kind="bad" word="Escalated" /> : null}
            <span>
              opened <RelativeTime at={incident.openedAt} />
            </span>
          </span>
        }
        action={
          mayAct && incident.status !== 'resolved' ? (
            <>
              <Button onClick={() => setAction('resolve')}>Resolve</Button>
              {incident.status === 'open' ? (
                <Button look="primary" onClick={() => setAction('acknowledge')}>
                  Acknowledge
                </Button>
              ) : null}
            </>
          ) : null
        }
      />
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <Body incident={incident} act={mayAct ? setAction : null} />
      {action ? (
        <ActionDialog action={action} incident={incident} onClose={() => setAction(null)} />
      ) : null}
    </>
  );
}
