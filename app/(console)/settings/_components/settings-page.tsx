'use client';

import { useQuery } from '@tanstack/react-query';
import { parseAsString, useQueryState } from 'nuqs';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { FilterInput } from '../../../../components/data/filter-input.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { RoleGate } from '../../../../components/data/role-gate.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { count } from '../../../../components/format/number.ts';
import { trpc } from '../../../../components/trpc/client.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { SettingItem } from '../../../../server/system/contract.ts';
import { SettingGroup } from './setting-group.tsx';

function matches({ name, description, group }: SettingItem, q: string): boolean {
  return `${name} ${description} ${group}`.toLowerCase().includes(q.trim().toLowerCase());
}

function State({ items }: { items: readonly SettingItem[] | undefined }) {
  if (!items) return <Skeleton className="h-4 w-64" />;
  const changed = items.filter(
    ({ source }) => source === 'environment' || source === 'file',
  ).length;
  return (
    <>
      {count(items.length, 'setting')} in effect, {changed} of them set from outside. They are read
      when the console starts.
    </>
  );
}

function Settings() {
  const [q, setQ] = useQueryState('q', parseAsString.withDefault(''));
  const query = useQuery(trpc.system.settings.queryOptions());
  const items = query.data?.items;
  const found = items?.filter((item) => matches(item, q));
  const groups = [...new Set(found?.map(({ group }) => group))];
  return (
    <>
      <PageHeader title="Settings" state={<State items={items} />} />
      {query.isError && items ? <StaleNote at={query.dataUpdatedAt} /> : null}
      {query.isError && !items ? (
        <ErrorPanel what="The settings" error={query.error} onRetry={() => query.refetch()} />
      ) : !found ? (
        <TableSkeleton />
      ) : (
        <>
          <div className="mb-4">
            <FilterInput
              label="Filter settings"
              value={q}
              onChange={(value) => void setQ(value || null)}
            />
          </div>
          {groups.map((group) => (
            <SettingGroup
              key={group}
              group={group}
              items={found.filter((i) => i.group === group)}
            />
          ))}
          {found.length === 0 ? (
            <EmptyState
              title="No setting is called that"
              why="Names, descriptions and groups are searched."
              action={<Button onClick={() => void setQ(null)}>Clear the filter</Button>}
            />
          ) : null}
        </>
      )}
    </>
  );
}

export function SettingsPage() {
  return (
    <RoleGate title="Settings" needs="admin">
      <Settings />
    </RoleGate>
  );
}
