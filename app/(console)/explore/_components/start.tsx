'use client';

import { useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { type Draft, draftOf } from '../../../../components/metrics/draft.ts';
import { ingestSnippet } from '../../../../components/metrics/ingest-snippet.ts';
import type { Range } from '../../../../components/metrics/range.ts';
import { Snippet } from '../../../../components/metrics/snippet.tsx';
import { trpc } from '../../../../components/trpc/client.ts';
import { buttonClass } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { ParsedQuery, Query } from '../../../../server/metrics/contract.ts';

type Open = (next: { draft: Draft; range: Range }) => void;

function Card(props: { name: string; text: string; query: Query | ParsedQuery; onOpen: Open }) {
  return (
    <li>
      <button
        type="button"
        onClick={() => props.onOpen(draftOf(props.query))}
        className="h-full w-full rounded-card border bg-surface px-4 py-3 text-left hover:bg-hover"
      >
        <span className="block font-medium text-13">{props.name}</span>
        <span className="block break-words text-12 text-muted">{props.text}</span>
      </button>
    </li>
  );
}

const gridClass = 'grid gap-2 sm:grid-cols-2 lg:grid-cols-3';

/** Before a metric is chosen: where to begin. */
export function Start({ onOpen }: { onOpen: Open }) {
  const any = useQuery(trpc.metrics.catalog.queryOptions({ limit: 1 }));
  const templates = useQuery(
    trpc.metrics.templates.queryOptions(undefined, { staleTime: 3_600_000 }),
  );
  const saved = useQuery(trpc.metrics.saved.list.queryOptions());
  if (any.isError && !any.data)
    return <ErrorPanel what="The metrics" error={any.error} onRetry={() => any.refetch()} />;
  if (!any.data) return <Skeleton className="h-40" />;
  if (any.data.items.length === 0) {
    return (
      <EmptyState
        title="There are no samples yet"
        why="Whatever a service measures can be asked for here: over HTTP, OpenTelemetry, Prometheus remote write, or by scraping. This sends a first sample."
        action={
          <>
            <Snippet text={ingestSnippet(location.origin)} what="the command" />
            <Link href="/sources" className={buttonClass('primary')}>
              Other ways in
            </Link>
          </>
        }
      />
    );
  }
  return (
    <div className="grid gap-5">
      {saved.data && saved.data.items.length > 0 ? (
        <section aria-label="Saved queries">
          <h2 className="mb-2 font-medium text-14">Saved queries</h2>
          <ul className={gridClass}>
            {saved.data.items.slice(0, 9).map(({ id, name, query }) => (
              <Card key={id} name={name} text={query.metric} query={query} onOpen={onOpen} />
            ))}
          </ul>
        </section>
      ) : null}
      <section aria-label="Templates">
        <h2 className="mb-2 font-medium text-14">Begin with</h2>
        <ul className={gridClass}>
          {templates.data?.map(({ id, name, description, query }) => (
            <Card key={id} name={name} text={description} query={query} onOpen={onOpen} />
          ))}
        </ul>
      </section>
    </div>
  );
}
