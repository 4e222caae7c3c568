import type { ReactNode } from 'react';

/** What will be here, why it is not, and the one thing to do. */
export function EmptyState(props: { title: string; why: ReactNode; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-3 rounded-card border border-dashed px-6 py-12 text-center">
      <p className="font-medium text-14">{props.title}</p>
      <p className="max-w-[52ch] text-13 text-muted">{props.why}</p>
      {props.action}
    </div>
  );
}
