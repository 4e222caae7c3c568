'use client';

import { useRouter } from 'next/navigation';
import { parseAsString, useQueryState } from 'nuqs';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { columns } from './columns.tsx';
import type { useGameDays } from './use-game-days.ts';

/** Every game day, newest first; a row leads to its target. */
export function Results({ list, days }: Pick<ReturnType<typeof useGameDays>, 'list' | 'days'>) {
  const router = useRouter();
  const [sort, setSort] = useQueryState('sort', parseAsString);
  if (!days) return <TableSkeleton />;
  return (
    <section aria-labelledby="game-day-results" className="min-w-0">
      <h2 id="game-day-results" className="mb-2 font-medium text-14">
        Results
      </h2>
      {list.isError ? <StaleNote at={list.dataUpdatedAt} /> : null}
      {days.length === 0 ? (
        <EmptyState
          title="No game day yet"
          why="Put a fault into a service. How fast it is detected, mended and back is timed and kept here."
        />
      ) : (
        <LazyTable
          label="Game days"
          columns={columns}
          rows={days}
          rowId={({ id }) => id}
          stamp={(day) => `${day.status}${day.timeToDetectMs}${day.timeToRecoverMs}`}
          onOpen={({ targetId }) => router.push(`/health/target?id=${targetId}`)}
          sort={sort}
          onSort={(next) => void setSort(next)}
          more={
            list.hasNextPage
              ? { load: () => list.fetchNextPage(), busy: list.isFetchingNextPage }
              : null
          }
        />
      )}
    </section>
  );
}
