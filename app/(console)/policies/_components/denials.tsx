'use client';

import { parseAsString, useQueryState, useQueryStates } from 'nuqs';
import type { Column } from '../../../../components/data/columns.ts';
import { Details } from '../../../../components/data/details.tsx';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { FilterInput } from '../../../../components/data/filter-input.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { useDebounced } from '../../../../components/data/use-debounced.ts';
import { api, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import type { DenialItem } from '../../../../server/policies/contract.ts';
import { originWords } from './words.ts';

const mono = (text: string) => (
  <span title={text} className="font-mono text-12">
    {text}
  </span>
);
const columns: readonly Column<DenialItem>[] = [
  {
    id: 'at',
    header: 'When',
    width: '110px',
    csv: ({ at }) => at,
    cell: ({ at }) => <RelativeTime at={at} />,
  },
  {
    id: 'subject',
    header: 'Who',
    width: '180px',
    csv: ({ subject }) => subject,
    cell: ({ subject, subjectName }) => (
      <span title={subject} className="font-medium">
        {subjectName}
      </span>
    ),
  },
  {
    id: 'tool',
    header: 'Tool',
    width: '190px',
    csv: ({ tool }) => tool,
    cell: ({ tool }) => mono(tool),
  },
  {
    id: 'scope',
    header: 'Scope',
    width: '120px',
    csv: ({ scope }) => scope,
    cell: ({ scope }) => mono(scope),
  },
  {
    id: 'by',
    header: 'Because of',
    width: '120px',
    csv: ({ by }) => by,
    cell: ({ by }) => originWords[by],
  },
  {
    id: 'reason',
    header: 'Reason',
    csv: ({ reason }) => reason,
    cell: ({ reason }) => <span title={reason}>{reason}</span>,
  },
  {
    id: 'count',
    header: 'Calls',
    width: '80px',
    align: 'right',
    csv: ({ count }) => count,
    cell: ({ count }) => count,
  },
];

function DenialSheet({ denial, onClose }: { denial: DenialItem; onClose(): void }) {
  const { at, subject, subjectName, tool, scope, by, ruleName, reason, detail } = denial;
  return (
    <Dialog
      open
      as="sheet"
      title={`${subjectName} was denied ${tool}`}
      description={reason}
      onOpenChange={onClose}
    >
      <Details
        rows={[
          ['When', <RelativeTime key="at" at={at} />],
          ['Who', mono(subject)],
          ['Tool', mono(tool)],
          ['Scope', mono(scope)],
          ['Because of', ruleName ? `the rule ${ruleName}` : originWords[by]],
          ['Decided by', detail],
          ['From', denial.address ?? 'not known'],
          ['Environment', denial.environment],
          ['Asked by', denial.askedBy ?? 'itself'],
          ['Alike within the second', String(denial.count)],
        ]}
      />
    </Dialog>
  );
}

/** Every denial with its reason, newest first. */
export default function Denials() {
  const [filters, setFilters] = useQueryStates({
    subject: parseAsString.withDefault(''),
    tool: parseAsString.withDefault(''),
  });
  const [openId, setOpenId] = useQueryState('denial', parseAsString);
  const subject = useDebounced(filters.subject.trim());
  const tool = useDebounced(filters.tool.trim());
  const input = { limit: 100, ...(subject ? { subject } : {}), ...(tool ? { tool } : {}) };
  const { query, items } = usePages({
    pathKey: trpc.policies.denials.pathKey(),
    input,
    refetchMs: 5_000,
    fetchPage: (cursor, signal) => api.policies.denials.query({ ...input, cursor }, { signal }),
  });
  if (query.isError && !items)
    return <ErrorPanel what="The denials" error={query.error} onRetry={() => query.refetch()} />;
  if (!items) return <TableSkeleton />;
  const open = items.find(({ id }) => id === openId);
  return (
    <>
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <LazyTable
        label="Denials"
        columns={columns}
        rows={items}
        rowId={({ id }) => id}
        onOpen={({ id }) => void setOpenId(id)}
        openId={openId}
        more={
          query.hasNextPage
            ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
            : null
        }
        toolbar={
          <>
            <FilterInput
              label="Who"
              value={filters.subject}
              onChange={(value) => void setFilters({ subject: value || null })}
            />
            <FilterInput
              label="Tool"
              value={filters.tool}
              onChange={(value) => void setFilters({ tool: value || null })}
            />
          </>
        }
      />
      {items.length === 0 ? (
        <div className="mt-3">
          <EmptyState
            title={subject || tool ? 'Nothing like this was denied' : 'Nothing was denied yet'}
            why="What a rule, the default, or an ended credential denied stands here for 30 days, with the rule as it was then. What the role alone refuses does not."
          />
        </div>
      ) : null}
      {open ? <DenialSheet denial={open} onClose={() => void setOpenId(null)} /> : null}
    </>
  );
}
