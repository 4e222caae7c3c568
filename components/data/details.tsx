import type { ReactNode } from 'react';

/** Names and values under each other. */
export function Details({ rows }: { rows: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="grid grid-cols-[minmax(96px,auto)_1fr] gap-x-6 text-13">
      {rows.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="py-1.5 text-muted">{name}</dt>
          <dd className="min-w-0 break-words py-1.5">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
