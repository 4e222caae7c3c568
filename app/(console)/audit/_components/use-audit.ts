'use client';

import { useQuery } from '@tanstack/react-query';
import { parseAsInteger, parseAsString, useQueryState, useQueryStates } from 'nuqs';
import { useDebounced } from '../../../../components/data/use-debounced.ts';
import { api, type Outputs, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';

export type AuditEntry = Outputs['audit']['list']['items'][number];
export const filterNames = ['actor', 'action', 'target', 'from', 'to'] as const;
type Filters = Record<(typeof filterNames)[number], string>;

/** `2025-11-21` is the whole day in the viewer's zone. */
function dayStart(day: string, plusDays = 0): string | undefined {
  const [year, month, date] = day.split('-').map(Number);
  if (!year || !month || !date) return undefined;
  return new Date(year, month - 1, date + plusDays).toISOString();
}

function toInput({ actor, action, target, from, to }: Filters) {
  const start = dayStart(from);
  const end = dayStart(to, 1);
  return {
    limit: 100,
    ...(actor.trim() ? { actor: actor.trim() } : {}),
    ...(action.trim() ? { action: action.trim() } : {}),
    ...(target.trim() ? { target: target.trim() } : {}),
    ...(start ? { from: start } : {}),
    ...(end ? { to: end } : {}),
  };
}

/** The entries that the filters of the URL ask for, newest first. */
export function useAudit() {
  const text = parseAsString.withDefault('');
  const [filters, setFilters] = useQueryStates({
    actor: text,
    action: text,
    target: text,
    from: text,
    to: text,
  });
  const key = useDebounced(JSON.stringify(toInput(filters)));
  // It was made from the same object a moment ago.
  const input = JSON.parse(key) as ReturnType<typeof toInput>;
  const { query, items: entries } = usePages({
    pathKey: trpc.audit.list.pathKey(),
    input,
    fetchPage: (cursor, signal) => api.audit.list.query({ ...input, cursor }, { signal }),
  });
  return { filters, setFilters, query, entries };
}

/** The entry that the URL names; asked for by itself when the list does not hold it. */
export function useOpenEntry(entries: readonly AuditEntry[] | undefined) {
  const [seq, setSeq] = useQueryState('entry', parseAsInteger);
  const listed = entries?.find((entry) => entry.seq === seq);
  const single = useQuery(
    trpc.audit.list.queryOptions(
      { limit: 1, cursor: String((seq ?? 0) + 1) },
      { enabled: seq !== null && entries !== undefined && !listed, placeholderData: undefined },
    ),
  );
  const alone = single.data?.items.find((entry) => entry.seq === seq);
  const entry = seq === null ? undefined : (listed ?? alone);
  return { seq, setSeq, entry, missing: seq !== null && !entry && single.isSuccess };
}
