import { CircleCheck } from 'lucide-react';
import Link from 'next/link';
import { StatusBadge } from '../../../components/data/status-badge.tsx';
import { formatClock } from '../../../components/format/time.ts';
import { Skeleton } from '../../../components/ui/skeleton.tsx';
import type { AttentionItem } from '../../../server/system/contract.ts';

const outage = (since: number): AttentionItem => ({
  id: 'database-live',
  severity: 'bad',
  title: 'PostgreSQL is unreachable',
  detail: `Since ${formatClock(since)}. Figures go on; what is stored waits until it is back.`,
  href: null,
});

/** What needs a person, worst first. The stream knows of an outage before, and without, the database. */
export function Attention(props: {
  items: readonly AttentionItem[] | undefined;
  databaseDownSince: number | null;
}) {
  const { databaseDownSince } = props;
  const items = databaseDownSince === null ? props.items : [outage(databaseDownSince)];
  if (!items) return <Skeleton className="mb-6 h-11" />;
  if (items.length === 0) {
    return (
      <p className="mb-6 flex h-11 items-center gap-2.5 rounded-card border bg-surface px-3.5 text-13">
        <CircleCheck aria-hidden className="size-4 text-ok-text" />
        Nothing needs attention.
      </p>
    );
  }
  const sorted = [...items].sort(
    (a, b) => Number(b.severity === 'bad') - Number(a.severity === 'bad'),
  );
  return (
    <section aria-labelledby="attention" className="mb-6">
      <h2 id="attention" className="mb-2 font-medium text-14">
        Needs attention
      </h2>
      <ul className="overflow-hidden rounded-card border bg-surface">
        {sorted.map(({ id, severity, title, detail, href }) => (
          <li
            key={id}
            className="flex min-h-11 flex-wrap items-center gap-x-3 gap-y-1 border-b px-3.5 py-2 text-13 last:border-0"
          >
            <StatusBadge kind={severity} word={severity === 'bad' ? 'Broken' : 'Warning'} />
            <span className="font-medium">{title}</span>
            <span className="min-w-0 flex-1 basis-60 text-muted">{detail}</span>
            {href ? (
              <Link href={href} className="font-medium text-accent-text hover:underline">
                Look at it
              </Link>
            ) : null}
          </li>
        ))}
      </ul>
    </section>
  );
}
