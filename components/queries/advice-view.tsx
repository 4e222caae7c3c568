'use client';

import Link from 'next/link';
import type { ReactNode } from 'react';
import type { AdviceItem } from '../../server/queries/contract.ts';
import { Details } from '../data/details.tsx';
import { RelativeTime } from '../data/relative-time.tsx';
import { StatusBadge } from '../data/status-badge.tsx';
import { count, formatNumber } from '../format/number.ts';
import { formatPercent } from '../format/percent.ts';
import { Snippet } from '../metrics/snippet.tsx';
import { adviceState, evidenceText, figuresText, savedText, speedUp } from './advice-words.ts';
import { ms, oneLine, queryHref } from './words.ts';

/** How far a build is; while nothing can be said, that it goes on. */
function Progress({ item }: { item: AdviceItem }) {
  const { progress, state } = item;
  if (state !== 'applying' || !progress) return null;
  const { share, phase, waitsFor } = progress;
  return (
    <div className="rounded-card border bg-raised px-3.5 py-2.5 text-13">
      <div className="flex justify-between gap-3">
        <span>
          {phase}
          {waitsFor ? `, waits for ${count(waitsFor, 'other transaction')}` : ''}
        </span>
        <span className="tabular-nums">{share === null ? '' : formatPercent(share)}</span>
      </div>
      <progress
        className="mt-1.5 block h-1.5 w-full accent-accent"
        aria-label="Progress of the build"
        max={1}
        {...(share === null ? {} : { value: share })}
      />
    </div>
  );
}

/** The same statements before and after. */
function Compared({ item }: { item: AdviceItem }) {
  const { before, after } = item;
  if (!before || !after) return null;
  const times = speedUp(item);
  const rows: [string, string, string][] = [
    [
      'A call',
      before.meanMs === null ? '–' : ms(before.meanMs),
      after.meanMs === null ? '–' : ms(after.meanMs),
    ],
    ['Calls', formatNumber(Math.round(before.calls)), formatNumber(Math.round(after.calls))],
    [
      'Blocks a call',
      before.blocksPerCall === null ? '–' : formatNumber(Math.round(before.blocksPerCall)),
      after.blocksPerCall === null ? '–' : formatNumber(Math.round(after.blocksPerCall)),
    ],
    [
      'A write to the table',
      before.writeMeanMs === null ? '–' : ms(before.writeMeanMs),
      after.writeMeanMs === null ? '–' : ms(after.writeMeanMs),
    ],
  ];
  return (
    <table className="w-full rounded-card text-13 tabular-nums">
      <caption className="mb-1 text-left font-medium text-13">
        Before and after
        {times !== null && times >= 1.05 ? (
          <span className="text-ok-text">
            : {times >= 10 ? formatNumber(Math.round(times)) : times.toFixed(1)} times faster
          </span>
        ) : null}
      </caption>
      <thead>
        <tr className="border-b text-12 text-muted">
          <th scope="col" className="py-1 text-left font-medium">
            The same statements
          </th>
          <th scope="col" className="py-1 text-right font-medium">
            The day before
          </th>
          <th scope="col" className="py-1 text-right font-medium">
            Since
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, was, now]) => (
          <tr key={name} className="border-b last:border-0">
            <th scope="row" className="py-1 text-left font-normal">
              {name}
            </th>
            <td className="py-1 text-right">{was}</td>
            <td className="py-1 text-right">{now}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Statements({ item }: { item: AdviceItem }) {
  if (item.statements.length === 0) return null;
  return (
    <ul className="grid gap-1">
      {item.statements.slice(0, 5).map(({ id, query }) => (
        <li key={id} className="min-w-0 truncate">
          <Link href={queryHref(id, '24h')} className="font-mono text-12 underline" title={query}>
            {oneLine(query)}
          </Link>
        </li>
      ))}
      {item.statementCount > 5 ? (
        <li className="text-12 text-muted">and {item.statementCount - 5} more</li>
      ) : null}
    </ul>
  );
}

/** What to do instead of running a statement. */
function Rewrite({ item }: { item: AdviceItem }) {
  const { advice } = item;
  if (advice.kind === 'rewrite')
    return <Snippet text={advice.rewrite} what="rewritten statement" />;
  return null;
}

/** One piece of advice with all that speaks for it, what became of it, and what can be done. */
export function AdviceView({ item, actions }: { item: AdviceItem; actions: ReactNode }) {
  const { advice } = item;
  const evidence = evidenceText(advice);
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-3">
      <p className="text-13">{advice.reason}</p>
      <Progress item={item} />
      {item.detail && item.state !== 'open' ? (
        <p role="status" className="flex flex-wrap items-center gap-x-2 gap-y-1 text-13">
          <StatusBadge {...adviceState(item)} /> {item.detail}
        </p>
      ) : null}
      <Compared item={item} />
      {advice.ddl ? <Snippet text={advice.ddl} what="statement" /> : null}
      <Rewrite item={item} />
      <Details
        rows={[
          ['Database', item.databaseName],
          ['Saves', savedText(item.savedMsPerDay)],
          ...(evidence ? ([['Proof', evidence]] as const) : []),
          ...(advice.writeMsPerDay
            ? ([['Costs in writes', `${ms(advice.writeMsPerDay)} a day`]] as const)
            : []),
          ...(item.before && !item.after ? ([['Before', figuresText(item.before)]] as const) : []),
          ...(item.index
            ? ([
                [
                  'Index',
                  <code key="index" className="break-all font-mono text-12">
                    {item.index}
                  </code>,
                ],
              ] as const)
            : []),
          ...(item.statements.length > 0
            ? ([['Statements', <Statements key="statements" item={item} />]] as const)
            : []),
          ['First seen', <RelativeTime key="first" at={item.firstSeenAt} />],
        ]}
      />
      {item.timeline.length > 0 ? (
        <section aria-label="What was done">
          <h3 className="mb-1 font-medium text-13">What was done</h3>
          <ol className="grid gap-1 text-12">
            {item.timeline.toReversed().map(({ at, by, detail }) => (
              <li key={`${at} ${detail}`} className="flex flex-wrap gap-x-2">
                <span className="text-muted">
                  <RelativeTime at={at} />
                </span>
                <span>
                  {detail} <span className="text-muted">by {by}</span>
                </span>
              </li>
            ))}
          </ol>
        </section>
      ) : null}
      {actions}
    </div>
  );
}
