import type { ReactNode } from 'react';
import { cx } from '../ui/cx.ts';

/** One figure. `value` undefined is drawn as not known yet, in the same size. */
export function Stat(props: {
  label: string;
  value: string | undefined;
  note?: ReactNode;
  tone?: 'plain' | 'warn' | 'bad';
  aside?: ReactNode;
}) {
  const tone = props.tone ?? 'plain';
  return (
    <div className="flex min-w-0 flex-col rounded-card border bg-surface px-3.5 py-3">
      <div className="truncate text-12 text-muted">{props.label}</div>
      <div className="mt-1 flex items-end justify-between gap-2">
        <div
          className={cx(
            'truncate font-medium text-20 tabular-nums',
            tone === 'warn' && 'text-warn-text',
            tone === 'bad' && 'text-bad-text',
          )}
        >
          {props.value ?? <span className="text-faint">–</span>}
        </div>
        {props.aside}
      </div>
      <div className="mt-0.5 min-h-4 text-12 text-muted tabular-nums sm:truncate">{props.note}</div>
    </div>
  );
}
