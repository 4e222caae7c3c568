'use client';

import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { formatDuration } from '../../../../components/format/duration.ts';
import type { ExaminationItem } from '../../../../server/memory/contract.ts';
import { Growth, Largest, Makers } from './suspects.tsx';
import { kindWords, statusWords } from './words.ts';

function facts(item: ExaminationItem): string {
  const parts = [
    item.seconds !== null && item.kind === 'profile'
      ? `over ${formatDuration(item.seconds)}`
      : null,
    item.pauseMs !== null ? `the process stood for ${formatDuration(item.pauseMs / 1000)}` : null,
    `asked by ${item.askedBy}`,
    item.reason,
  ];
  return parts.filter((part) => part !== null && part !== '').join(' · ');
}

/** One look at a heap: what it was and what it saw. */
export function Examination({ item }: { item: ExaminationItem }) {
  return (
    <article className="grid gap-3 border-t py-3">
      <header className="flex flex-wrap items-center gap-2 text-13">
        <span className="font-medium">{kindWords[item.kind]}</span>
        <StatusBadge {...statusWords[item.status]} />
        <span className="text-12 text-muted">
          <RelativeTime at={item.doneAt ?? item.askedAt} />
        </span>
      </header>
      <p className="text-12 text-muted">{facts(item)}</p>
      {item.note ? <p className="text-13">{item.note}</p> : null}
      <Growth classes={item.growth} />
      <Makers functions={item.functions} />
      <Largest largest={item.largest} comparedWith={item.comparedWith} />
    </article>
  );
}
