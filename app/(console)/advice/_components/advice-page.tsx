'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import dynamic from 'next/dynamic';
import Link from 'next/link';
import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { FilterSelect } from '../../../../components/data/filter-input.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { count } from '../../../../components/format/number.ts';
import { savedText } from '../../../../components/queries/advice-words.ts';
import { useAllowed } from '../../../../components/shell/use-me.ts';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';
import { Button, buttonClass } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import { Tabs } from '../../../../components/ui/tabs.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { AdviceItem, AdviceSummary, AdviceView } from '../../../../server/queries/contract.ts';
import { adviceColumns } from './advice-columns.tsx';

const AdviceSheet = dynamic(() => import('./advice-sheet.tsx'), { ssr: false });

const views = ['open', 'active', 'done', 'none', 'dismissed'] as const;
const viewWords = {
  open: 'Open',
  active: 'Under way',
  done: 'Done',
  none: 'Nothing to do',
  dismissed: 'Dismissed',
} as const;
const empty: Record<Exclude<AdviceView, 'all'>, { title: string; why: string }> = {
  open: {
    title: 'Nothing to advise',
    why: 'The advisor looks each hour at what the statements of the last day cost, and says what would make them faster, or that nothing would. Look now to have it at once.',
  },
  active: {
    title: 'Nothing is under way',
    why: 'What is approved stands here while it is carried out and compared with the day before, until somebody decides whether it stays.',
  },
  done: {
    title: 'Nothing was decided yet',
    why: 'What was kept or taken back stands here, with the figures before and after.',
  },
  none: {
    title: 'No statement was looked at and left as it is',
    why: 'Statements that take time, and for which nothing should be done, stand here with the reason.',
  },
  dismissed: {
    title: 'Nothing was dismissed',
    why: 'Advice that somebody dismissed, and advice that is not given any more.',
  },
};

function State({ summary }: { summary: AdviceSummary | undefined }) {
  if (!summary) return <Skeleton className="h-4 w-72" />;
  const { open, savedMsPerDay, underWay, toDecide, failed } = summary;
  if (open + underWay + failed === 0) return <>Nothing is open, and nothing is under way.</>;
  return (
    <>
      {open > 0
        ? `${count(open, 'piece of advice', 'pieces of advice')} would save ${savedText(savedMsPerDay)}.`
        : 'Nothing is open.'}
      {underWay > 0 ? ` ${underWay} under way.` : ''}
      {toDecide > 0 ? ` ${toDecide} to decide.` : ''}
      {failed > 0 ? ` ${failed} failed.` : ''}
    </>
  );
}

/** Asks the advisor about one database, or about all, one after the other. */
function LookNow({ databaseIds }: { databaseIds: readonly string[] }) {
  const look = useMutation({
    async mutationFn() {
      let open = 0;
      for (const databaseId of databaseIds)
        open += (await api.queries.advice.refresh.mutate({ databaseId })).open;
      return open;
    },
    onSuccess: (open) => toast('ok', `${count(open, 'piece is', 'pieces are')} open.`),
    onError: (error) => toast('bad', failureOf(error).message),
    onSettled: () => queryClient.invalidateQueries({ queryKey: trpc.queries.advice.pathKey() }),
  });
  return (
    <Button busy={look.isPending} disabled={databaseIds.length === 0} onClick={() => look.mutate()}>
      {look.isPending ? 'Looking' : 'Look now'}
    </Button>
  );
}

/** What would save the most time a day, over all databases, and what became of it. */
export function AdvicePage() {
  const [{ view, database, open }, set] = useQueryStates({
    view: parseAsStringLiteral(views).withDefault('open').withOptions({ history: 'push' }),
    database: parseAsString.withDefault(''),
    open: parseAsString,
  });
  const operator = useAllowed('operator') ?? false;
  const databases = useQuery(trpc.queries.databases.list.queryOptions({ limit: 200 }));
  const summary = useQuery(
    trpc.queries.advice.summary.queryOptions(undefined, { refetchInterval: 10_000 }),
  );
  const chosen = databases.data?.items.find(({ id }) => id === database);
  const input = { limit: 50, view, ...(chosen ? { databaseId: chosen.id } : {}) };
  const { query, items } = usePages<AdviceItem>({
    pathKey: trpc.queries.advice.list.pathKey(),
    input,
    refetchMs: view === 'active' ? 2_000 : 15_000,
    fetchPage: (cursor, signal) => api.queries.advice.list.query({ ...input, cursor }, { signal }),
  });
  const asked = chosen ? [chosen.id] : (databases.data?.items ?? []).map(({ id }) => id);
  return (
    <>
      <PageHeader
        title="Advice"
        state={summary.isError && !summary.data ? '' : <State summary={summary.data} />}
        action={
          <>
            {operator ? <LookNow databaseIds={asked} /> : null}
            <Link href="/queries" className={buttonClass('secondary')}>
              Queries
            </Link>
          </>
        }
      />
      <Tabs tabs={views} words={viewWords} tab={view} onTab={(next) => void set({ view: next })} />
      {databases.data && databases.data.items.length > 1 ? (
        <div className="mb-3">
          <FilterSelect
            label="Database"
            value={chosen?.id ?? ''}
            options={[
              { value: '', label: 'All databases' },
              ...databases.data.items.map(({ id, name }) => ({ value: id, label: name })),
            ]}
            onChange={(id) => void set({ database: id || null })}
          />
        </div>
      ) : null}
      {query.isError && !items ? (
        <ErrorPanel what="The advice" error={query.error} onRetry={() => query.refetch()} />
      ) : !items ? (
        <TableSkeleton />
      ) : items.length === 0 ? (
        <EmptyState {...empty[view]} />
      ) : (
        <>
          {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
          <LazyTable
            label="Advice"
            columns={adviceColumns}
            rows={items}
            rowId={({ id }) => id}
            stamp={({ state, proposal }) => `${state} ${proposal}`}
            onOpen={({ id }) => void set({ open: id })}
            openId={open}
            more={
              query.hasNextPage
                ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
                : null
            }
          />
        </>
      )}
      {open ? <AdviceSheet id={open} onClose={() => void set({ open: null })} /> : null}
    </>
  );
}
