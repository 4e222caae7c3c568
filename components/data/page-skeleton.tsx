import { Skeleton } from '../ui/skeleton.tsx';
import { PageHeader } from './page-header.tsx';
import { TableSkeleton } from './table-skeleton.tsx';

/** Title, state and table, in their final sizes. */
export function PageSkeleton({ title }: { title: string }) {
  return (
    <>
      <PageHeader title={title} state={<Skeleton className="h-4 w-64" />} />
      <TableSkeleton />
    </>
  );
}
