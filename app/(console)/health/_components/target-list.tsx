'use client';

import dynamic from 'next/dynamic';
import { useState } from 'react';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { FilterInput, FilterSelect } from '../../../../components/data/filter-input.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { Button } from '../../../../components/ui/button.tsx';
import type { State, TargetItem } from '../../../../server/health/contract.ts';
import { kindWord, targetColumns } from './columns.tsx';
import { kindOptions, stateOrder, type useTargets } from './use-targets.ts';

const BulkDialog = dynamic(() => import('./bulk-dialog.tsx'), { ssr: false });

const stateWords: Record<State, string> = {
  down: 'Down',
  degraded: 'Degraded',
  unknown: 'Unknown',
  maintenance: 'Maintenance',
  healthy: 'Healthy',
};
export type BulkAction = 'pause' | 'resume' | 'maintenance' | 'remove';
type Pending = { action: BulkAction; targets: readonly TargetItem[]; clear(): void };

function Filters({ list }: { list: ReturnType<typeof useTargets> }) {
  const { filters, setFilters, counts } = list;
  const only = filters.state.length === 1 ? (filters.state[0] ?? '') : '';
  return (
    <>
      <FilterInput
        label="Filter by name or address"
        value={filters.q}
        onChange={(q) => void setFilters({ q: q || null })}
      />
      <FilterSelect
        label="State"
        value={only}
        options={[
          { value: '', label: 'Any state' },
          ...stateOrder.map((value) => ({
            value,
            label: counts ? `${stateWords[value]} (${counts[value]})` : stateWords[value],
          })),
        ]}
        onChange={(value) => {
          const state = stateOrder.find((each) => each === value);
          void setFilters({ state: state ? [state] : null });
        }}
      />
      <FilterSelect
        label="Kind"
        value={filters.kind ?? ''}
        options={[
          { value: '', label: 'Any kind' },
          ...kindOptions.map((value) => ({ value, label: kindWord(value) })),
        ]}
        onChange={(value) =>
          void setFilters({ kind: kindOptions.find((each) => each === value) ?? null })
        }
      />
      {filters.tag ? (
        <Button onClick={() => void setFilters({ tag: null })}>Tag {filters.tag} ✕</Button>
      ) : null}
    </>
  );
}

export function TargetList(props: {
  list: ReturnType<typeof useTargets>;
  mayAct: boolean;
  onAdd(): void;
  onOpen(target: TargetItem): void;
}) {
  const { list, mayAct, onAdd, onOpen } = props;
  const { filters, setFilters, query, targets } = list;
  const [pending, setPending] = useState<Pending | null>(null);
  if (query.isError && !targets) {
    return <ErrorPanel what="The targets" error={query.error} onRetry={() => query.refetch()} />;
  }
  if (!targets) return <TableSkeleton />;
  const filtered =
    filters.q !== '' || filters.state.length > 0 || filters.kind !== null || filters.tag !== '';
  if (targets.length === 0 && !filtered) {
    return (
      <EmptyState
        title="Nothing is watched yet"
        why="Add a service, a port, a database or a job that calls in. It is checked every 30 seconds, and healed when you give it a remedy."
        action={
          mayAct ? (
            <Button look="primary" onClick={onAdd}>
              Add target
            </Button>
          ) : null
        }
      />
    );
  }
  const act = (action: BulkAction, rows: readonly TargetItem[], clear: () => void) =>
    setPending({ action, targets: rows, clear });
  return (
    <>
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <LazyTable
        label="Targets"
        columns={targetColumns}
        rows={targets}
        rowId={(target) => target.id}
        stamp={(target) => `${target.state}${target.paused}${target.suppressedBy}`}
        onOpen={onOpen}
        sort={filters.sort ?? 'state'}
        onSort={(sort) => void setFilters({ sort })}
        toolbar={<Filters list={list} />}
        {...(mayAct
          ? {
              bulk: (rows: readonly TargetItem[], clear: () => void) => (
                <>
                  <Button onClick={() => act('pause', rows, clear)}>Pause</Button>
                  <Button onClick={() => act('resume', rows, clear)}>Resume</Button>
                  <Button onClick={() => act('maintenance', rows, clear)}>Maintenance</Button>
                  <Button look="danger" onClick={() => act('remove', rows, clear)}>
                    Remove
                  </Button>
                  <Button look="ghost" onClick={clear}>
                    Clear selection
                  </Button>
                </>
              ),
            }
          : {})}
      />
      {targets.length === 0 ? (
        <div className="mt-3">
          <EmptyState
            title="No target fits these filters"
            why="Filters look at name, address, state, kind and tags."
            action={<Button onClick={() => void setFilters(null)}>Clear filters</Button>}
          />
        </div>
      ) : null}
      {pending ? (
        <BulkDialog
          action={pending.action}
          targets={pending.targets}
          onClose={() => setPending(null)}
          onDone={() => {
            pending.clear();
            setPending(null);
          }}
        />
      ) : null}
    </>
  );
}
