import { TableSkeleton } from '../../../components/data/table-skeleton.tsx';
import { Skeleton } from '../../../components/ui/skeleton.tsx';

export default function Loading() {
  return (
    <>
      <Skeleton className="mb-2 h-7 w-40" />
      <Skeleton className="mb-4 h-5 w-72" />
      <TableSkeleton />
    </>
  );
}
