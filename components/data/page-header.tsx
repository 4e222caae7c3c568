import type { ReactNode } from 'react';

/** The title, one sentence of state, and the primary action. */
export function PageHeader(props: { title: string; state: ReactNode; action?: ReactNode }) {
  return (
    <header className="mb-4 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
      <div className="min-w-0">
        <h1 className="font-semibold text-20">{props.title}</h1>
        <div className="mt-0.5 min-h-5 text-13 text-muted">{props.state}</div>
      </div>
      {props.action ? (
        <div className="flex flex-wrap items-center gap-2">{props.action}</div>
      ) : null}
    </header>
  );
}
