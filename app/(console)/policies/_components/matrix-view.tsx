'use client';

import { useQuery } from '@tanstack/react-query';
import { Check } from 'lucide-react';
import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { useMemo } from 'react';
import type { Column } from '../../../../components/data/columns.ts';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { FilterInput, FilterSelect } from '../../../../components/data/filter-input.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { useDebounced } from '../../../../components/data/use-debounced.ts';
import { trpc } from '../../../../components/trpc/client.ts';
import type { Matrix } from '../../../../server/policies/contract.ts';
import { cellWord } from './words.ts';

type Row = Matrix['rows'][number];

/** What may be done is the rule here, so it has no colour; what stops it has. */
function Cell({ kind, word }: ReturnType<typeof cellWord>) {
  if (kind !== 'ok') return <StatusBadge kind={kind} word={word} />;
  return (
    <span className="inline-flex h-6 items-center gap-1 align-middle text-12 text-muted">
      <Check aria-hidden className="size-3.5" />
      {word}
    </span>
  );
}

const shows = ['all', 'changes', 'rules'] as const;
const showOptions = [
  { value: 'all', label: 'All tools' },
  { value: 'changes', label: 'What changes something' },
  { value: 'rules', label: 'What a rule decides' },
];

function columnsOf({ subjects, answers }: Matrix): Column<Row>[] {
  return [
    {
      id: 'tool',
      header: 'Tool',
      width: '230px',
      sort: ({ tool }) => tool,
      csv: ({ tool }) => tool,
      cell: ({ tool, needs }) => (
        <span title={needs ? `${tool}, role ${needs}` : tool} className="font-mono text-12">
          {tool}
        </span>
      ),
    },
    ...subjects.map(({ subject, label, role }, at): Column<Row> => {
      const answerOf = ({ cells }: Row) => answers[cells[at] ?? -1];
      return {
        id: subject,
        header: subject.startsWith('role:') ? `Role ${label}` : label.slice(0, 40),
        width: '128px',
        csv: (row) => {
          const answer = answerOf(row);
          return answer ? `${cellWord(answer).word}: ${answer.reason}` : null;
        },
        cell: (row) => {
          const answer = answerOf(row);
          if (!answer) return '–';
          return (
            <span title={`${subject}${role ? ` (${role})` : ''}: ${answer.reason}`}>
              <Cell {...cellWord(answer)} />
            </span>
          );
        },
      };
    }),
  ];
}

/** Every subject against every tool. */
export default function MatrixView() {
  const [filters, setFilters] = useQueryStates({
    find: parseAsString.withDefault(''),
    who: parseAsString.withDefault(''),
    show: parseAsStringLiteral(shows).withDefault('all'),
    scope: parseAsString.withDefault('*'),
  });
  const scope = useDebounced(filters.scope.trim() || '*');
  const query = useQuery(
    trpc.policies.matrix.queryOptions({ scope }, { placeholderData: (before) => before }),
  );
  const matrix = query.data;
  const shown = useMemo(() => {
    if (!matrix) return null;
    const places = matrix.subjects
      .map((each, at) => ({ each, at }))
      .filter(({ each }) => filters.who === '' || each.subject === filters.who);
    const text = filters.find.toLowerCase();
    return {
      ...matrix,
      subjects: places.map(({ each }) => each),
      rows: matrix.rows
        .map((row) => ({ ...row, cells: places.map(({ at }) => row.cells[at] ?? -1) }))
        .filter(({ tool, kind, cells }) => {
          if (text && !tool.toLowerCase().includes(text)) return false;
          if (filters.show === 'changes') return kind !== 'query';
          if (filters.show === 'rules')
            return cells.some((cell) => matrix.answers[cell]?.by === 'rule');
          return true;
        }),
    };
  }, [matrix, filters.find, filters.who, filters.show]);
  const columns = useMemo(() => (shown ? columnsOf(shown) : []), [shown]);
  if (query.isError && !matrix)
    return <ErrorPanel what="The matrix" error={query.error} onRetry={() => query.refetch()} />;
  if (!matrix || !shown) return <TableSkeleton />;
  return (
    <>
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <p className="mb-3 max-w-[90ch] text-13 text-muted">
        As it is now, from an unknown address. Role and Scopes say what stops a call before any
        rule; a * says that it may differ at another time or from elsewhere.
        {matrix.truncated ? ' There are more subjects or tools than are shown here.' : ''}
      </p>
      <LazyTable
        label="Who can do what"
        columns={columns}
        rows={shown.rows}
        rowId={({ tool }) => tool}
        toolbar={
          <>
            <FilterInput
              label="Find a tool"
              value={filters.find}
              onChange={(find) => void setFilters({ find: find || null })}
            />
            <FilterSelect
              label="Who"
              value={filters.who}
              options={[
                { value: '', label: 'Everybody' },
                ...matrix.subjects.map(({ subject, label }) => ({ value: subject, label })),
              ]}
              onChange={(who) => void setFilters({ who: who || null })}
            />
            <FilterSelect
              label="Show"
              value={filters.show}
              options={showOptions}
              onChange={(value) =>
                void setFilters({ show: shows.find((each) => each === value) ?? null })
              }
            />
            <label htmlFor="matrix-scope" className="text-13 text-muted">
              in scope
            </label>
            <input
              id="matrix-scope"
              value={filters.scope}
              spellCheck={false}
              onChange={({ target }) => void setFilters({ scope: target.value })}
              className="h-8 w-36 rounded-control border border-line-control bg-surface px-2 font-mono text-12 focus-visible:outline-offset-0"
            />
          </>
        }
      />
      {shown.rows.length === 0 ? (
        <div className="mt-3">
          <EmptyState title="No tool fits these filters" why="Take a filter away to see more." />
        </div>
      ) : null}
    </>
  );
}
