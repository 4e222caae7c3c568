'use client';

import dynamic from 'next/dynamic';
import { useState } from 'react';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { count } from '../../../../components/format/number.ts';
import { useAllowed } from '../../../../components/shell/use-me.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { CopyButton } from '../../../../components/ui/copy-button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { Fault, FleetService, FleetView } from '../../../../server/gamedays/contract.ts';
import { Results } from './results.tsx';
import { Services, ServicesSkeleton } from './services.tsx';
import { useGameDays } from './use-game-days.ts';

const RunDialog = dynamic(() => import('./run-dialog.tsx'), { ssr: false });
const CancelDialog = dynamic(() => import('./cancel-dialog.tsx'), { ssr: false });

type Pending =
  | { kind: 'run'; service: FleetService; fault: Fault }
  | { kind: 'cancel'; service: FleetService; id: string };

/** "7 services, 1 broken, 1 game day runs." */
function State({ view }: { view: FleetView | undefined }) {
  if (!view) return <Skeleton className="h-4 w-56" />;
  if (view.state === 'none') return <>No demo fleet is connected.</>;
  if (view.state === 'unreachable') return <>{view.detail}</>;
  const { services } = view;
  const broken = services.filter(({ alive, fault }) => !alive || fault !== 'none').length;
  const running = services.filter(({ gameDayId }) => gameDayId !== null).length;
  return (
    <>
      {count(services.length, 'service')}, {broken > 0 ? `${broken} broken` : 'all whole'}
      {running > 0 ? `, ${count(running, 'game day runs', 'game days run')}` : ''}.
    </>
  );
}

function NoFleet({ view, onRetry }: { view: FleetView; onRetry(): void }) {
  if (view.state === 'connected') return null;
  const command = view.state === 'none' ? view.command : null;
  return (
    <div className="mb-6">
      {command ? (
        <EmptyState
          title="No demo fleet is connected"
          why="A game day puts a fault into a service of the demo fleet and times how fast it is detected, mended and back. This command starts a console with such a fleet beside it:"
          action={
            <span className="flex flex-wrap items-center justify-center gap-2">
              <code className="rounded-control border bg-raised px-3 py-1.5 font-mono text-12">
                {command}
              </code>
              <CopyButton value={command} what="command" label="Copy command" />
            </span>
          }
        />
      ) : (
        <EmptyState
          title="The demo fleet does not answer"
          why="It is asked again every two seconds. The fleet ends with the program that started it; npm run demo starts another one."
          action={<Button onClick={onRetry}>Ask again</Button>}
        />
      )}
    </div>
  );
}

export function GameDaysPage() {
  const { services, list, days } = useGameDays();
  const mayAct = useAllowed('operator') ?? false;
  const [pending, setPending] = useState<Pending | null>(null);
  const close = () => setPending(null);
  const retry = () => {
    services.refetch();
    list.refetch();
  };
  const view = services.data;
  const fleet = view?.state === 'connected' ? view.services : [];
  const failed = services.isError && !view ? services.error : !days && list.error;
  return (
    <>
      <PageHeader title="Game days" state={failed ? '' : <State view={view} />} />
      {failed ? (
        <ErrorPanel what="The game days" error={failed} onRetry={retry} />
      ) : (
        <>
          {services.isError ? <StaleNote at={services.dataUpdatedAt} /> : null}
          {!view ? (
            <ServicesSkeleton />
          ) : view.state === 'connected' ? (
            <Services
              services={view.services}
              mayAct={mayAct}
              onBreak={(service, fault) => setPending({ kind: 'run', service, fault })}
              onCancel={(service, id) => setPending({ kind: 'cancel', service, id })}
            />
          ) : (
            <NoFleet view={view} onRetry={retry} />
          )}
          {view?.state !== 'connected' && days?.length === 0 ? null : (
            <Results list={list} days={days} />
          )}
        </>
      )}
      {pending?.kind === 'run' ? (
        <RunDialog
          service={pending.service}
          fault={pending.fault}
          dependants={fleet
            .filter(({ dependsOn }) => dependsOn.includes(pending.service.name))
            .map(({ name }) => name)}
          onClose={close}
        />
      ) : null}
      {pending?.kind === 'cancel' ? (
        <CancelDialog id={pending.id} service={pending.service.name} onClose={close} />
      ) : null}
    </>
  );
}
