'use client';

import { useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { EmptyState } from '../../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../../components/data/error-panel.tsx';
import { PageHeader } from '../../../../../components/data/page-header.tsx';
import { PageSkeleton } from '../../../../../components/data/page-skeleton.tsx';
import { StaleNote } from '../../../../../components/data/stale-note.tsx';
import { Stat } from '../../../../../components/data/stat.tsx';
import { StatusBadge } from '../../../../../components/data/status-badge.tsx';
import { formatNumber } from '../../../../../components/format/number.ts';
import { formatPercent } from '../../../../../components/format/percent.ts';
import { AdviceActions } from '../../../../../components/queries/advice-actions.tsx';
import { AdviceView } from '../../../../../components/queries/advice-view.tsx';
import { adviceState, titleOf } from '../../../../../components/queries/advice-words.ts';
import { formatSql } from '../../../../../components/queries/format-sql.ts';
import { ms, queryRanges } from '../../../../../components/queries/words.ts';
import { recoveryInterval, trpc } from '../../../../../components/trpc/client.ts';
import { failureOf } from '../../../../../components/trpc/errors.ts';
import { buttonClass } from '../../../../../components/ui/button.tsx';
import { CopyButton } from '../../../../../components/ui/copy-button.tsx';
import { RangeButtons } from '../../../../../components/ui/range-buttons.tsx';
import { ScrollRegion } from '../../../../../components/ui/scroll-region.tsx';
import type { StatementDetail } from '../../../../../server/queries/contract.ts';
import { Callers, SlowSamples } from './callers.tsx';
import { History } from './history.tsx';
import { PlanPanel } from './plan-panel.tsx';

const LONG = 20_000;

function Figures({ statement }: { statement: StatementDetail }) {
  const { totalMs, share, calls, meanMs, p95Ms, rowsPerCall, blocksPerCall, hitRatio } = statement;
  return (
    <div className="mb-3 grid grid-cols-2 gap-3 lg:grid-cols-4">
      <Stat
        label="Time in all"
        value={ms(totalMs)}
        note={`${formatPercent(share)} of all statements`}
      />
      <Stat
        label="Calls"
        value={formatNumber(calls)}
        note={`${formatNumber(rowsPerCall)} ${rowsPerCall === 1 ? 'row' : 'rows'} a call`}
      />
      <Stat
        label="Mean time of a call"
        value={ms(meanMs)}
        note={p95Ms === null ? 'single calls are not seen' : `p95 ${ms(p95Ms)}`}
      />
      <Stat
        label="Blocks a call"
        value={formatNumber(blocksPerCall)}
        note={hitRatio === null ? ' ' : `${formatPercent(hitRatio)} from memory`}
      />
    </div>
  );
}

function Text({ statement }: { statement: StatementDetail }) {
  const { text, truncated } = statement;
  return (
    <section aria-labelledby="text" className="mb-4">
      <div className="mb-1 flex items-center justify-between gap-2">
        <h2 id="text" className="font-medium text-14">
          Statement
        </h2>
        <CopyButton value={text} what="statement" label="Copy" />
      </div>
      <ScrollRegion
        aria-label="Text of the statement"
        className="max-h-80 overflow-auto rounded-card border bg-surface p-3"
      >
        <pre className="whitespace-pre-wrap break-words font-mono text-12">
          {text.length > LONG ? text : formatSql(text)}
        </pre>
      </ScrollRegion>
      {truncated ? <p className="mt-1 text-12 text-muted">Only its beginning is kept.</p> : null}
    </section>
  );
}

function Advised({ statement }: { statement: StatementDetail }) {
  const query = useQuery(
    trpc.queries.advice.list.queryOptions(
      {
        databaseId: statement.databaseId,
        fingerprint: statement.fingerprint,
        view: 'all',
        limit: 20,
      },
      { refetchInterval: ({ state }) => recoveryInterval(state) ?? 5_000 },
    ),
  );
  const items = query.data?.items.filter(({ state }) => state !== 'gone');
  return (
    <section aria-labelledby="advice" className="mb-4">
      <h2 id="advice" className="mb-1 font-medium text-14">
        Advice
      </h2>
      {query.isError && !items ? (
        <ErrorPanel what="The advice" error={query.error} onRetry={() => query.refetch()} />
      ) : !items ? null : items.length === 0 ? (
        <p className="text-13 text-muted">
          None. The advisor looks each hour; on the page{' '}
          <Link href="/advice" className="underline">
            Advice
          </Link>{' '}
          it can be asked now.
        </p>
      ) : (
        <ul className="grid grid-cols-[minmax(0,1fr)] gap-3">
          {items.map((item) => (
            <li key={item.id} className="rounded-card border bg-surface px-3.5 py-3">
              <h3 className="mb-2 flex flex-wrap items-center gap-2 font-medium text-13">
                {titleOf(item.advice)}
                {item.advice.kind === 'none' ? null : <StatusBadge {...adviceState(item)} />}
              </h3>
              <AdviceView item={item} actions={<AdviceActions item={item} />} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** One statement: how it went, why it takes what it takes, and what would help. */
export function QueryPage() {
  const [{ id, range }, set] = useQueryStates({
    id: parseAsString.withDefault(''),
    range: parseAsStringLiteral(queryRanges).withDefault('24h'),
  });
  const query = useQuery(
    trpc.queries.statement.queryOptions(
      { id, range },
      {
        enabled: id !== '',
        refetchInterval: ({ state }) => recoveryInterval(state) ?? 30_000,
      },
    ),
  );
  const { data: statement } = query;
  const status = query.isError ? failureOf(query.error).status : null;
  if (id === '' || status === 404 || status === 400) {
    return (
      <>
        <PageHeader title="Query" state="" />
        <EmptyState
          title="There is no such statement"
          why="Statements that were not seen for thirty days are forgotten; or the address is cut off."
          action={
            <Link href="/queries" className={buttonClass('secondary')}>
              All queries
            </Link>
          }
        />
      </>
    );
  }
  if (query.isError && !statement) {
    return (
      <>
        <PageHeader title="Query" state="" />
        <ErrorPanel what="The statement" error={query.error} onRetry={() => query.refetch()} />
      </>
    );
  }
  if (!statement) return <PageSkeleton title="Query" />;
  const { kind, tables, databaseName, databaseId } = statement;
  return (
    <>
      <PageHeader
        title="Query"
        state={
          <>
            {kind.toUpperCase()}
            {tables.length > 0 ? ` on ${tables.join(', ')}` : ''}, in{' '}
            <Link href={`/queries?database=${databaseId}`} className="underline">
              {databaseName}
            </Link>
          </>
        }
        action={
          <RangeButtons
            ranges={queryRanges}
            value={range}
            onChange={(next) => void set({ range: next })}
          />
        }
      />
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <Figures statement={statement} />
      <Text statement={statement} />
      <Advised statement={statement} />
      <PlanPanel key={statement.id} statement={statement} />
      <History statement={statement} range={range} />
      <Callers callers={statement.callers} />
      <SlowSamples statementId={statement.id} />
    </>
  );
}
