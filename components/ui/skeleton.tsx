import { cx } from './cx.ts';

/** A placeholder in the size of what will be there; seen only when loading takes more than 150 ms. */
export function Skeleton({ className }: { className?: string }) {
  return (
    <div aria-hidden className={cx('animate-skeleton rounded-control bg-active', className)} />
  );
}
