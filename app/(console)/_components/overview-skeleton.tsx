import { PageHeader } from '../../../components/data/page-header.tsx';
import { Skeleton } from '../../../components/ui/skeleton.tsx';

const tiles = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'] as const;

export function OverviewSkeleton() {
  return (
    <div role="status" aria-label="Loading">
      <PageHeader title="Overview" state={<Skeleton className="h-4 w-64" />} />
      <Skeleton className="mb-6 h-11" />
      <div className="mb-6 grid grid-cols-2 gap-3 md:grid-cols-3 xl:grid-cols-5">
        {tiles.map((tile) => (
          <Skeleton key={tile} className="h-[90px] rounded-card" />
        ))}
      </div>
      <div className="grid gap-3 lg:grid-cols-2">
        {tiles.slice(0, 4).map((tile) => (
          <Skeleton key={tile} className="h-72 rounded-card" />
        ))}
      </div>
    </div>
  );
}
