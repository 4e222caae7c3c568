'use client';

import { useQuery } from '@tanstack/react-query';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { trpc } from '../../../../components/trpc/client.ts';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import { Examination } from './examinations.tsx';

/** What a process was asked to do about its heap, newest first. */
export default function ProcessLooks({ process }: { process: string }) {
  const query = useQuery(
    trpc.memory.examinations.queryOptions({ process, limit: 5 }, { refetchInterval: 5_000 }),
  );
  if (query.isError && !query.data) {
    return <ErrorPanel what="The looks" error={query.error} onRetry={() => query.refetch()} />;
  }
  if (!query.data) return <Skeleton className="h-24" />;
  const { items } = query.data;
  return (
    <section aria-labelledby="memory-looks" className="mb-8 max-w-[880px]">
      <h2 id="memory-looks" className="mb-2 font-medium text-14">
        Looks at its heap
      </h2>
      {items.length === 0 ? (
        <p className="text-13 text-muted">
          None yet. The guard looks when it suspects a leak; an operator may at any time.
        </p>
      ) : (
        items.map((item) => <Examination key={item.id} item={item} />)
      )}
    </section>
  );
}
