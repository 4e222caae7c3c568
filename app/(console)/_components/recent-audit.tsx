'use client';

import Link from 'next/link';
import { RelativeTime } from '../../../components/data/relative-time.tsx';
import { useAllowed } from '../../../components/shell/use-me.ts';
import type { Outputs } from '../../../components/trpc/client.ts';
import { Skeleton } from '../../../components/ui/skeleton.tsx';

type AuditItem = Outputs['system']['overview']['recentAudit'][number];

function Entry({ entry }: { entry: AuditItem }) {
  return (
    <li className="border-b last:border-0">
      <Link
        href={`/audit?entry=${entry.seq}`}
        className="flex min-h-9 items-center gap-3 px-3 py-1.5 text-13 hover:bg-hover"
      >
        <span className="min-w-0 flex-1 truncate">
          <span className="font-medium">{entry.actor.name}</span>{' '}
          <span className="text-muted">{entry.action}</span> {entry.target.name ?? entry.target.id}
        </span>
        <span className="shrink-0 text-12 text-muted">
          <RelativeTime at={entry.at} />
        </span>
      </Link>
    </li>
  );
}

/** What was changed last, and by whom. */
export function RecentAudit({ entries }: { entries: readonly AuditItem[] | undefined }) {
  const allowed = useAllowed('admin');
  return (
    <section aria-labelledby="recent" className="min-w-0">
      <h2 id="recent" className="mb-2 font-medium text-14">
        Recent changes
      </h2>
      {!entries || allowed === undefined ? (
        <Skeleton className="h-[217px] rounded-card" />
      ) : entries.length > 0 ? (
        <ul className="overflow-hidden rounded-card border bg-surface">
          {entries.map((entry) => (
            <Entry key={entry.id} entry={entry} />
          ))}
        </ul>
      ) : (
        <p className="rounded-card border border-dashed px-4 py-6 text-center text-13 text-muted">
          {allowed
            ? 'Changes by people, scripts and automation appear here; there was none yet.'
            : 'The audit log needs the role admin.'}
        </p>
      )}
    </section>
  );
}
