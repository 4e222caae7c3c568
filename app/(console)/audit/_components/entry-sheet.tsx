'use client';

import { Details } from '../../../../components/data/details.tsx';
import { formatInstant } from '../../../../components/format/time.ts';
import { CopyButton } from '../../../../components/ui/copy-button.tsx';
import { cx } from '../../../../components/ui/cx.ts';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Actor } from './columns.tsx';
import { type DiffLine, diffLines } from './diff.ts';
import type { AuditEntry } from './use-audit.ts';

function Side({ sign, text, tone }: { sign: string; text: string; tone: string }) {
  return (
    <div className={cx('flex gap-2 px-2 py-0.5', tone)}>
      <span className="select-none">{sign}</span>
      <span className="min-w-0 break-all">{text}</span>
    </div>
  );
}

function Line({ line: { path, before, after } }: { line: DiffLine }) {
  const same = before === after;
  return (
    <div className="border-b last:border-0">
      <div className="px-2 pt-1 text-muted">{path}</div>
      {same ? <Side sign=" " text={after ?? ''} tone="" /> : null}
      {!same && before !== null ? (
        <Side sign="−" text={before} tone="bg-bad-soft text-bad-text" />
      ) : null}
      {!same && after !== null ? (
        <Side sign="+" text={after} tone="bg-ok-soft text-ok-text" />
      ) : null}
    </div>
  );
}

function Hash({ value, what }: { value: string; what: string }) {
  return (
    <span className="flex items-start gap-1">
      <code className="break-all font-mono text-12">{value}</code>
      <CopyButton value={value} what={what} className="-my-1" />
    </span>
  );
}

/** One entry: who, what, by which right, and what it changed. */
export default function EntrySheet({ entry, onClose }: { entry: AuditEntry; onClose(): void }) {
  const lines = diffLines(entry.before ?? null, entry.after ?? null);
  const { target } = entry;
  return (
    <Dialog
      open
      as="sheet"
      title={entry.action}
      description={`Entry ${entry.seq}, ${formatInstant(entry.at)}`}
      onOpenChange={onClose}
    >
      <Details
        rows={[
          ['Who', <Actor key="actor" actor={entry.actor} />],
          ['Target', `${target.kind} ${target.name ?? ''}`],
          ...(target.id
            ? [['Target id', <Hash key="target" value={target.id} what="target id" />] as const]
            : []),
          ['Allowed by', entry.rule],
          [
            'Request',
            entry.requestId ? (
              <Hash key="request" value={entry.requestId} what="request id" />
            ) : (
              'none; not asked for over HTTP'
            ),
          ],
          ['Hash', <Hash key="hash" value={entry.hash} what="hash" />],
        ]}
      />
      <h3 className="mt-6 mb-2 font-medium text-14">What changed</h3>
      {lines.length === 0 ? (
        <p className="text-13 text-muted">This action has no before and after.</p>
      ) : (
        <div className="overflow-hidden rounded-control border font-mono text-12">
          {lines.map((line) => (
            <Line key={line.path} line={line} />
          ))}
        </div>
      )}
    </Dialog>
  );
}
