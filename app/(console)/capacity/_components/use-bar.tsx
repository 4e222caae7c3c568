import { formatPercent } from '../../../../components/format/percent.ts';
import { cx } from '../../../../components/ui/cx.ts';

const WARN = 0.8;
const BAD = 0.95;

/** How much of the limit is used: a bar, and the figure. */
export function UseBar({ used, wide }: { used: number | null; wide?: boolean }) {
  if (used === null) return <span className="text-faint">–</span>;
  return (
    <span className="flex items-center justify-end gap-2">
      <span
        aria-hidden
        className={cx(
          'h-1.5 min-w-0 overflow-hidden rounded-full bg-raised',
          wide ? 'flex-1' : 'w-20 shrink-0',
        )}
      >
        <span
          className={cx(
            'block h-full rounded-full',
            used >= BAD ? 'bg-bad' : used >= WARN ? 'bg-warn' : 'bg-[var(--chart-1)]',
          )}
          style={{ width: `${Math.min(100, Math.max(1, used * 100))}%` }}
        />
      </span>
      <span className="w-14 text-right tabular-nums">{formatPercent(used)}</span>
    </span>
  );
}
