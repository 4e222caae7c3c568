'use client';

import { useQuery } from '@tanstack/react-query';
import { parseAsStringLiteral, useQueryState } from 'nuqs';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { FilterSelect } from '../../../../components/data/filter-input.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { RoleGate } from '../../../../components/data/role-gate.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { count } from '../../../../components/format/number.ts';
import { trpc } from '../../../../components/trpc/client.ts';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { SecurityItem, SecurityState } from '../../../../server/system/contract.ts';

const EVERY_MS = 15_000;
const words = {
  bad: { kind: 'bad', word: 'To do' },
  warn: { kind: 'warn', word: 'To look at' },
  ok: { kind: 'ok', word: 'Fine' },
} as const satisfies Record<SecurityState, unknown>;
const shows = ['bad', 'warn', 'ok'] as const;
const showOptions = [
  { value: '', label: 'Every line' },
  ...shows.map((value) => ({ value, label: words[value].word })),
];

function State({ items }: { items: readonly SecurityItem[] | undefined }) {
  if (!items) return <Skeleton className="h-4 w-64" />;
  const of = (state: SecurityState) => items.filter((item) => item.state === state).length;
  const [bad, warn] = [of('bad'), of('warn')];
  if (bad + warn === 0) return <>All {items.length} lines are fine.</>;
  return (
    <>
      {bad > 0 ? `${count(bad, 'line needs', 'lines need')} something done` : ''}
      {bad > 0 && warn > 0 ? ', ' : ''}
      {warn > 0 ? `${count(warn, 'line', 'lines')} to look at` : ''}, {of('ok')} fine.
    </>
  );
}

function Line({ item }: { item: SecurityItem }) {
  const { title, state, value, why, how } = item;
  return (
    <li className="grid gap-x-4 gap-y-1 border-b px-3.5 py-3 last:border-0 sm:grid-cols-[112px_minmax(0,1fr)]">
      <div>
        <StatusBadge {...words[state]} />
      </div>
      <div className="min-w-0">
        <p className="font-medium text-13">{title}</p>
        <p className="break-words font-mono text-12">{value}</p>
        <p className="mt-1 max-w-[80ch] text-13 text-muted">{why}</p>
        {state === 'ok' ? null : <p className="mt-0.5 max-w-[80ch] text-13">{how}</p>}
      </div>
    </li>
  );
}

function Security() {
  const [show, setShow] = useQueryState('show', parseAsStringLiteral(shows));
  const query = useQuery(
    trpc.system.security.queryOptions(undefined, { refetchInterval: EVERY_MS }),
  );
  const items = query.data?.items;
  const shown = items?.filter(({ state }) => show === null || state === show);
  const areas = [...new Set(shown?.map(({ area }) => area))];
  return (
    <>
      <PageHeader title="Security" state={query.isError && !items ? '' : <State items={items} />} />
      {query.isError && items ? <StaleNote at={query.dataUpdatedAt} /> : null}
      {query.isError && !items ? (
        <ErrorPanel what="The checklist" error={query.error} onRetry={() => query.refetch()} />
      ) : !shown ? (
        <TableSkeleton />
      ) : (
        <>
          <div className="mb-4">
            <FilterSelect
              label="Show"
              value={show ?? ''}
              options={showOptions}
              onChange={(value) => void setShow(shows.find((each) => each === value) ?? null)}
            />
          </div>
          {areas.map((area) => (
            <section key={area} aria-label={area} className="mb-6">
              <h2 className="mb-2 font-medium text-14">{area}</h2>
              <ul className="rounded-card border bg-surface">
                {shown
                  .filter((item) => item.area === area)
                  .map((item) => (
                    <Line key={item.id} item={item} />
                  ))}
              </ul>
            </section>
          ))}
          {shown.length === 0 ? (
            <EmptyState
              title={`No line is “${show ? words[show].word : ''}”`}
              why="Take the filter away to see all of them."
            />
          ) : null}
        </>
      )}
    </>
  );
}

/** How safely this console is set up, read from what runs. */
export function SecurityPage() {
  return (
    <RoleGate title="Security" needs="admin">
      <Security />
    </RoleGate>
  );
}
