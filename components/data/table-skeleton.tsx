import { Skeleton } from '../ui/skeleton.tsx';

const widths = ['w-3/5', 'w-2/5', 'w-1/2', 'w-2/3', 'w-1/3', 'w-1/2', 'w-2/5', 'w-3/5'] as const;

/** A table in its final size: toolbar, header, rows. */
export function TableSkeleton({ label = 'Loading' }: { label?: string }) {
  return (
    <div role="status" aria-label={label}>
      <div className="mb-2 h-9" />
      <div className="overflow-hidden rounded-card border bg-surface">
        <div className="h-9 border-b bg-raised" />
        {widths.map((width, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all there is to them
          <div key={index} className="flex h-9 items-center border-b px-3">
            <Skeleton className={`h-3 ${width}`} />
          </div>
        ))}
      </div>
    </div>
  );
}
