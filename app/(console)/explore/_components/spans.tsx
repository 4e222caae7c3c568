'use client';

import { useQuery } from '@tanstack/react-query';
import { Details } from '../../../../components/data/details.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { formatDuration } from '../../../../components/format/duration.ts';
import { formatClock } from '../../../../components/format/time.ts';
import { trpc } from '../../../../components/trpc/client.ts';
import { CopyButton } from '../../../../components/ui/copy-button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { Query } from '../../../../server/metrics/contract.ts';
import type { TelemetryEvent } from '../../../../server/telemetry/contract.ts';
import type { Picked } from './samples-sheet.tsx';

const SHOWN = 20;

/** What the picked group and the query's plain filters say about a span. */
function wanted(query: Query, picked: Picked): Readonly<Record<string, string>> {
  const plain = (query.filters ?? []).flatMap(({ field, op, value }) =>
    op === 'eq' && typeof value === 'string' ? [[field, value] as const] : [],
  );
  return { ...Object.fromEntries(plain), ...picked.labels };
}

function Span({ event }: { event: TelemetryEvent }) {
  const { name, service, durationMs, status, traceId, at, body, attributes } = event;
  return (
    <li>
      <details className="rounded-control border bg-surface px-3 py-2">
        <summary className="flex flex-wrap items-center gap-x-3 gap-y-1 text-13">
          <span className="min-w-0 flex-1 truncate font-medium">
            {service} · {name}
          </span>
          {status === 'error' ? <StatusBadge kind="bad" word="Error" /> : null}
          <span className="tabular-nums">
            {durationMs === null ? '–' : formatDuration(durationMs / 1000)}
          </span>
          <time dateTime={at} className="text-12 text-muted tabular-nums">
            {formatClock(at)}
          </time>
        </summary>
        <Details
          rows={[
            ...(traceId
              ? [
                  [
                    'Trace',
                    <span key="trace" className="flex items-center gap-1">
                      <code className="break-all font-mono text-12">{traceId}</code>
                      <CopyButton value={traceId} what="trace id" />
                    </span>,
                  ] as const,
                ]
              : []),
            ...(body ? [['Message', body] as const] : []),
            ...Object.entries(attributes).map(([key, value]) => [key, String(value)] as const),
          ]}
        />
      </details>
    </li>
  );
}

/** The spans behind a point of `span_duration_seconds`, slowest of the newest first. */
export function Spans({ query, picked }: { query: Query; picked: Picked }) {
  const by = wanted(query, picked);
  const answer = useQuery(
    trpc.telemetry.events.queryOptions({
      kind: 'span',
      limit: 100,
      from: new Date(picked.from).toISOString(),
      to: new Date(picked.to).toISOString(),
      ...(by.service ? { service: by.service } : {}),
      ...(by.span ? { name: by.span } : {}),
      ...(by.status ? { status: by.status } : {}),
    }),
  );
  const items = answer.data?.items
    .toSorted((a, b) => (b.durationMs ?? 0) - (a.durationMs ?? 0))
    .slice(0, SHOWN);
  return (
    <section aria-label="Spans" className="mb-5">
      <h3 className="mb-2 font-medium text-14">Slowest spans</h3>
      {answer.isError ? (
        <ErrorPanel what="The spans" error={answer.error} onRetry={() => answer.refetch()} />
      ) : !items ? (
        <Skeleton className="h-24" />
      ) : items.length === 0 ? (
        <p className="text-13 text-muted">No span of this group is kept for this time.</p>
      ) : (
        <ul className="grid gap-1.5">
          {items.map((event) => (
            <Span key={event.id} event={event} />
          ))}
        </ul>
      )}
    </section>
  );
}
