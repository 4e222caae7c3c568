'use client';

import { useQuery } from '@tanstack/react-query';
import { parseAsString, useQueryState } from 'nuqs';
import { useMemo } from 'react';
import { ChartCard } from '../../../../../components/charts/chart-card.tsx';
import type { Series } from '../../../../../components/charts/series.ts';
import type { Column } from '../../../../../components/data/columns.ts';
import { EmptyState } from '../../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../../components/data/lazy-table.tsx';
import { RelativeTime } from '../../../../../components/data/relative-time.tsx';
import { StatusBadge } from '../../../../../components/data/status-badge.tsx';
import { TableSkeleton } from '../../../../../components/data/table-skeleton.tsx';
import { count, formatNumber } from '../../../../../components/format/number.ts';
import { useNow } from '../../../../../components/live/use-now.ts';
import { recoveryInterval, trpc } from '../../../../../components/trpc/client.ts';
import type { KeyItem, KeyUsage } from '../../../../../server/keys/contract.ts';
import { oldOf } from '../../_components/words.tsx';

export const USAGE_DAYS = 30;
const DAY_MS = 86_400_000;
const REFRESH_MS = 5_000;
type User = KeyUsage['users'][number];

const colours = [1, 2, 3, 4, 5, 6, 7, 8] as const;
const colourOf = (version: number) => colours[(version - 1) % colours.length] ?? 1;

/** Calls of each day and version; a day on which a version was not called counts as none. */
function useDays(item: KeyItem, days: KeyUsage['days'], today: number) {
  return useMemo(() => {
    const used = [...new Set(days.map(({ version }) => version))].sort((a, b) => b - a).slice(0, 8);
    const series: Series[] = used.map((version) => ({
      name: String(version),
      label: `Version ${version}`,
      color: colourOf(version),
    }));
    const calls = new Map(days.map((each) => [`${each.day} ${each.version}`, each.calls]));
    const made = new Map(
      // From the day before it was made: a line needs two points, also on the first day.
      item.versions.map(({ version, createdAt }) => [
        version,
        new Date(Date.parse(createdAt) - DAY_MS).toISOString().slice(0, 10),
      ]),
    );
    const points = Array.from({ length: USAGE_DAYS }, (_, back) => {
      const at = today - (USAGE_DAYS - 1 - back) * DAY_MS;
      const day = new Date(at).toISOString().slice(0, 10);
      const metrics: Record<string, number> = {};
      for (const version of used) {
        const counted = calls.get(`${day} ${version}`);
        if (counted !== undefined || day >= (made.get(version) ?? ''))
          metrics[version] = counted ?? 0;
      }
      return { at, metrics };
    });
    return { series, points };
  }, [item.versions, days, today]);
}

const columnsOf = (old: number | undefined): readonly Column<User>[] => [
  {
    id: 'version',
    header: 'Version',
    width: '130px',
    sort: ({ version }) => version,
    csv: ({ version }) => version,
    cell: ({ version }) =>
      version === old ? <StatusBadge kind="warn" word={`v${version}, old`} /> : `v${version}`,
  },
  {
    id: 'address',
    header: 'Address',
    sort: ({ address }) => address,
    csv: ({ address }) => address,
    cell: ({ address }) => (
      <span title={address} className="font-mono text-12">
        {address}
      </span>
    ),
  },
  {
    id: 'last',
    header: 'Last call',
    width: '120px',
    sort: ({ lastAt }) => lastAt,
    csv: ({ lastAt }) => lastAt,
    cell: ({ lastAt }) => <RelativeTime at={lastAt} />,
  },
  {
    id: 'procedure',
    header: 'What it called',
    csv: ({ lastProcedure }) => lastProcedure,
    cell: ({ lastProcedure }) => (
      <span title={lastProcedure} className="font-mono text-12">
        {lastProcedure}
      </span>
    ),
  },
  {
    id: 'calls',
    header: 'Calls',
    width: '90px',
    align: 'right',
    sort: ({ calls }) => calls,
    csv: ({ calls }) => calls,
    cell: ({ calls }) => formatNumber(calls),
  },
  {
    id: 'refused',
    header: 'Refused',
    width: '90px',
    align: 'right',
    sort: ({ refused }) => refused,
    csv: ({ refused }) => refused,
    cell: ({ refused }) => (
      <span className={refused > 0 ? 'text-warn-text' : undefined}>{formatNumber(refused)}</span>
    ),
  },
];

function WhoUsesOld({ item, users }: { item: KeyItem; users: readonly User[] }) {
  const old = oldOf(item);
  if (!old || item.state !== 'active') return null;
  const still = users.filter(({ version }) => version === old.version);
  return (
    <p className="mb-3 text-13">
      {still.length > 0
        ? `Version ${old.version} is still used from ${count(still.length, 'address', 'addresses')}.`
        : `Nobody used version ${old.version} in the last ${USAGE_DAYS} days: it can end.`}
    </p>
  );
}

function Procedures({ usage }: { usage: KeyUsage }) {
  return (
    <section aria-labelledby="procedures" className="rounded-card border bg-surface px-3.5 py-3">
      <h2 id="procedures" className="mb-1 font-medium text-14">
        What it calls
      </h2>
      <table className="w-full text-13 tabular-nums">
        <thead>
          <tr className="border-b text-left text-12 text-muted">
            <th scope="col" className="py-1.5 font-medium">
              Procedure or route
            </th>
            <th scope="col" className="py-1.5 text-right font-medium">
              Calls
            </th>
            <th scope="col" className="py-1.5 text-right font-medium">
              Refused
            </th>
          </tr>
        </thead>
        <tbody>
          {usage.procedures.slice(0, 12).map(({ procedure, calls, refused }) => (
            <tr key={procedure} className="border-b last:border-0">
              <td className="max-w-0 truncate py-1.5 font-mono text-12" title={procedure}>
                {procedure}
              </td>
              <td className="w-20 py-1.5 text-right">{formatNumber(calls)}</td>
              <td className="w-20 py-1.5 text-right">{formatNumber(refused)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {usage.procedures.length > 12 ? (
        <p className="pt-2 text-12 text-muted">
          and {count(usage.procedures.length - 12, 'other')}
          {usage.more ? ' or more' : ''}
        </p>
      ) : null}
    </section>
  );
}

/** Who uses which version, by day, address and procedure. */
export function Usage({ item }: { item: KeyItem }) {
  const [sort, setSort] = useQueryState('sort', parseAsString);
  const today = Math.floor((useNow() ?? 0) / DAY_MS) * DAY_MS;
  const query = useQuery(
    trpc.keys.usage.queryOptions(
      { id: item.id, days: USAGE_DAYS },
      { refetchInterval: ({ state }) => recoveryInterval(state) ?? REFRESH_MS },
    ),
  );
  const { series, points } = useDays(item, query.data?.days ?? [], today);
  const old = oldOf(item)?.version;
  const columns = useMemo(() => columnsOf(old), [old]);
  if (query.isError && !query.data)
    return (
      <div className="mb-3">
        <ErrorPanel what="The use of the key" error={query.error} onRetry={() => query.refetch()} />
      </div>
    );
  if (!query.data)
    return (
      <div className="mb-3">
        <TableSkeleton />
      </div>
    );
  if (query.data.days.length === 0)
    return (
      <div className="mb-3">
        <EmptyState
          title={`Not used in the last ${USAGE_DAYS} days`}
          why="Each call with this key appears here within ten seconds, with the address it came from and what it asked for."
        />
      </div>
    );
  return (
    <>
      <div className="mb-3 grid items-start gap-3 xl:grid-cols-2">
        <ChartCard
          title="Calls a day, by version"
          series={series}
          format={formatNumber}
          points={points}
          rangeMs={(USAGE_DAYS - 1) * DAY_MS}
          end={today}
          gapMs={2 * DAY_MS}
        />
        <Procedures usage={query.data} />
      </div>
      <section aria-labelledby="users" className="mb-3">
        <h2 id="users" className="mb-1 font-medium text-14">
          Who uses it
        </h2>
        <WhoUsesOld item={item} users={query.data.users} />
        <LazyTable
          label="Who uses it"
          columns={columns}
          rows={query.data.users}
          rowId={({ version, address }) => `${version} ${address}`}
          sort={sort}
          onSort={(chosen) => void setSort(chosen)}
        />
      </section>
    </>
  );
}
