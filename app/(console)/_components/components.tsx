import { StatusBadge } from '../../../components/data/status-badge.tsx';
import { formatDuration } from '../../../components/format/duration.ts';
import { Skeleton } from '../../../components/ui/skeleton.tsx';
import type { ComponentStatus } from '../../../server/system/contract.ts';

const words = { ok: 'Well', warn: 'Degraded', bad: 'Down', off: 'Off' } as const;

/** What the console stands on, and how each part is. */
export function Components({ items }: { items: readonly ComponentStatus[] | undefined }) {
  return (
    <section aria-labelledby="components" className="min-w-0">
      <h2 id="components" className="mb-2 font-medium text-14">
        Components
      </h2>
      {items ? (
        <div className="overflow-x-auto rounded-card border bg-surface">
          <table className="w-full text-13">
            <thead className="bg-raised text-12 text-muted">
              <tr className="h-9 text-left">
                <th scope="col" className="border-b px-3 font-medium">
                  Component
                </th>
                <th scope="col" className="border-b px-3 font-medium">
                  State
                </th>
                <th scope="col" className="border-b px-3 text-right font-medium">
                  Answers in
                </th>
                <th scope="col" className="border-b px-3 font-medium">
                  Detail
                </th>
              </tr>
            </thead>
            <tbody className="[&_tr:last-child_td]:border-0">
              {items.map(({ name, status, latencyMs, detail }) => (
                <tr key={name} className="h-9">
                  <td className="whitespace-nowrap border-b px-3 font-medium">{name}</td>
                  <td className="border-b px-3">
                    <StatusBadge kind={status} word={words[status]} />
                  </td>
                  <td className="whitespace-nowrap border-b px-3 text-right tabular-nums">
                    {latencyMs === null ? '–' : formatDuration(latencyMs / 1000)}
                  </td>
                  <td className="border-b px-3 py-1.5 text-muted">{detail}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <Skeleton className="h-[217px] rounded-card" />
      )}
    </section>
  );
}
