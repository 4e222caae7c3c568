import { EmptyState } from '../../../../../components/data/empty-state.tsx';
import { StatusBadge } from '../../../../../components/data/status-badge.tsx';
import { Snippet } from '../../../../../components/metrics/snippet.tsx';
import type { DatabaseDetail } from '../../../../../server/queries/contract.ts';
import { checkOrder, checkWords } from '../../_components/words.ts';

/** What the role and the server lack, each with the statement that mends it. */
export function Setup({ database }: { database: DatabaseDetail }) {
  const checks = database.setup.toSorted((a, b) => checkOrder[a.state] - checkOrder[b.state]);
  if (checks.length === 0) {
    return (
      <EmptyState
        title="Not looked at yet"
        why="Rights and settings are read with the first look, which is a few seconds away unless the database is paused."
      />
    );
  }
  return (
    <ul aria-label="Set-up" className="divide-y overflow-hidden rounded-card border bg-surface">
      {checks.map(({ id, title, state, detail, why, statement }) => (
        <li key={id} className="grid grid-cols-[minmax(0,1fr)] gap-1 px-4 py-3">
          <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
            <StatusBadge {...checkWords[state]} />
            <h3 className="font-medium text-13">{title}</h3>
            <p className="min-w-0 text-13">{detail}</p>
          </div>
          <p className="text-12 text-muted">{why}</p>
          {statement && state !== 'ok' ? (
            <div className="mt-1">
              <Snippet text={statement} what={`statement for ${title}`} />
            </div>
          ) : null}
        </li>
      ))}
    </ul>
  );
}
