'use client';

import { useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import { Details } from '../../../../components/data/details.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { formatPercent } from '../../../../components/format/percent.ts';
import { formatClock } from '../../../../components/format/time.ts';
import { trpc } from '../../../../components/trpc/client.ts';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { FindingDetail } from '../../../../server/memory/contract.ts';
import { Examination } from './examinations.tsx';
import { Growth, Makers } from './suspects.tsx';
import { paceOf } from './words.ts';

function Content({ finding }: { finding: FindingDetail }) {
  return (
    <div className="grid gap-5">
      <Details
        rows={[
          ['Found', <RelativeTime key="at" at={finding.openedAt} />],
          [
            'Over',
            finding.resolvedAt ? <RelativeTime key="to" at={finding.resolvedAt} /> : 'Not yet',
          ],
          ['Pace', paceOf(finding.slopeBytesPerHour)],
          ['Growth', `${formatPercent(finding.growthRatio)} over the window`],
          ['Version', finding.version || '–'],
          [
            'Incident',
            finding.incidentId ? (
              <Link
                key="incident"
                href={`/incidents/detail?id=${finding.incidentId}`}
                className="text-accent-text underline"
              >
                Open the incident
              </Link>
            ) : (
              '–'
            ),
          ],
        ]}
      />
      {finding.classes.length === 0 && finding.functions.length === 0 ? (
        <p className="text-13 text-muted">
          Nothing is named yet: allocations are being watched, or the process does not answer.
        </p>
      ) : null}
      <Growth classes={finding.classes} />
      <Makers functions={finding.functions} />
      <section aria-label="What was done">
        <h3 className="mb-1 font-medium text-13">What was done</h3>
        <ol className="grid gap-1.5 text-13">
          {finding.steps.map(({ at, what }) => (
            <li key={`${at} ${what}`} className="flex gap-3">
              <time dateTime={at} className="shrink-0 text-12 text-muted tabular-nums leading-5">
                {formatClock(at)}
              </time>
              <span className="min-w-0 break-words">{what}</span>
            </li>
          ))}
        </ol>
      </section>
      <section aria-label="Looks at its heap">
        {finding.examinations.map((item) => (
          <Examination key={item.id} item={item} />
        ))}
      </section>
    </div>
  );
}

export default function FindingSheet({ id, onClose }: { id: string; onClose(): void }) {
  const query = useQuery(trpc.memory.finding.queryOptions({ id }, { refetchInterval: 5_000 }));
  const finding = query.data;
  return (
    <Dialog
      open
      as="sheet"
      title={finding ? `${finding.name} leaks memory` : 'Leak'}
      description={finding?.sentence}
      onOpenChange={onClose}
    >
      {finding ? (
        <Content finding={finding} />
      ) : query.isError ? (
        <ErrorPanel what="The leak" error={query.error} onRetry={() => query.refetch()} />
      ) : (
        <Skeleton className="h-64" />
      )}
    </Dialog>
  );
}
