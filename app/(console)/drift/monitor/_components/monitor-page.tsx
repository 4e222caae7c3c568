'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import dynamic from 'next/dynamic';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { useState } from 'react';
import type { Column } from '../../../../../components/data/columns.ts';
import { EmptyState } from '../../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../../components/data/lazy-table.tsx';
import { PageHeader } from '../../../../../components/data/page-header.tsx';
import { PageSkeleton } from '../../../../../components/data/page-skeleton.tsx';
import { RelativeTime } from '../../../../../components/data/relative-time.tsx';
import { StaleNote } from '../../../../../components/data/stale-note.tsx';
import { StatusBadge } from '../../../../../components/data/status-badge.tsx';
import { monitorState, verdictStatus, windowWords } from '../../../../../components/drift/words.ts';
import { formatNumber } from '../../../../../components/format/number.ts';
import { formatInstant } from '../../../../../components/format/time.ts';
import { useNow } from '../../../../../components/live/use-now.ts';
import { useAllowed } from '../../../../../components/shell/use-me.ts';
import { api, queryClient, recoveryInterval, trpc } from '../../../../../components/trpc/client.ts';
import { failureOf } from '../../../../../components/trpc/errors.ts';
import { usePages } from '../../../../../components/trpc/use-pages.ts';
import { Button, buttonClass } from '../../../../../components/ui/button.tsx';
import { RangeButtons } from '../../../../../components/ui/range-buttons.tsx';
import { toast } from '../../../../../components/ui/toast.tsx';
import type { MonitorItem, RunItem } from '../../../../../server/drift/contract.ts';
import { FeatureDetail } from './feature-detail.tsx';
import { HeatMap } from './heat-map.tsx';

const MonitorDialog = dynamic(() => import('../../../../../components/drift/monitor-dialog.tsx'), {
  ssr: false,
});
const Confirm = dynamic(
  () => import('../../../../../components/ui/confirm.tsx').then((m) => ({ default: m.Confirm })),
  { ssr: false },
);
const ranges = ['24h', '7d', '30d', '1y'] as const;
const days = { '24h': 1, '7d': 7, '30d': 30, '1y': 366 } as const;
/** So many windows are looked at unless a range is chosen. */
const WINDOWS_SHOWN = 20;

/** The shortest range with enough windows in it; of windows by rows nobody knows how long they take. */
function rangeOf({ window }: MonitorItem): (typeof ranges)[number] {
  if (window.kind !== 'time') return '30d';
  const wanted = (WINDOWS_SHOWN * window.step) / 86_400;
  return ranges.find((range) => days[range] >= wanted) ?? '1y';
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

const columns: readonly Column<RunItem>[] = [
  {
    id: 'verdict',
    header: 'Verdict',
    width: '140px',
    csv: ({ verdict }) => verdict,
    cell: ({ verdict }) => <StatusBadge {...verdictStatus[verdict]} />,
  },
  {
    id: 'window',
    header: 'Window until',
    width: '230px',
    csv: ({ to }) => to,
    cell: ({ to, byHand }) => (
      <span title={byHand ? 'Asked for by hand' : undefined}>
        {formatInstant(to)}
        {byHand ? ' *' : ''}
      </span>
    ),
  },
  {
    id: 'detail',
    header: 'What was found',
    csv: ({ detail }) => detail,
    cell: ({ detail }) => <span title={detail}>{detail}</span>,
  },
  {
    id: 'rows',
    header: 'Predictions',
    width: '100px',
    align: 'right',
    csv: ({ currentRows }) => currentRows,
    cell: ({ currentRows }) => formatNumber(currentRows),
  },
  {
    id: 'reference',
    header: 'Reference rows',
    width: '120px',
    align: 'right',
    csv: ({ referenceRows }) => referenceRows,
    cell: ({ referenceRows }) => formatNumber(referenceRows),
  },
];

function State({ monitor }: { monitor: MonitorItem }) {
  const { modelId, modelName, referenceName, window, season, detail, nextAt, mutedUntil } = monitor;
  return (
    <>
      <StatusBadge {...monitorState(monitor)} />{' '}
      <Link href={`/models/model?id=${modelId}`} className="underline">
        {modelName}
      </Link>{' '}
      {referenceName ? `compared with “${referenceName}”` : 'compared with nothing'}; windows of{' '}
      {windowWords(window)}
      {season === 'none' ? '' : `, same phase of the ${season}`}
      {nextAt ? (
        <>
          ; next run <RelativeTime at={nextAt} />
        </>
      ) : null}
      .{mutedUntil ? ` Opens no incident until ${formatInstant(mutedUntil)}.` : ''}
      {detail ? <span className="mt-1 block max-w-[100ch]">{detail}</span> : null}
    </>
  );
}

function MapPanel(props: { id: string; range: (typeof ranges)[number]; stamp: string | null }) {
  const { id, range, stamp } = props;
  const [{ run, feature }, set] = useQueryStates({
    run: parseAsString.withDefault(''),
    feature: parseAsString.withDefault(''),
  });
  const now = useNow() ?? 0;
  // A run that was just made is in it.
  const to = Math.max(Math.ceil(now / MINUTE_MS) * MINUTE_MS, stamp ? Date.parse(stamp) : 0);
  const query = useQuery(
    trpc.drift.heatmap.queryOptions(
      {
        monitorId: id,
        from: new Date(to - days[range] * DAY_MS).toISOString(),
        to: new Date(to).toISOString(),
      },
      { enabled: to > 0, refetchInterval: ({ state }) => recoveryInterval(state) ?? false },
    ),
  );
  const { data: map } = query;
  const chosen = run !== '' && feature !== '' ? { runId: run, feature } : null;
  if (query.isError && !map) {
    return <ErrorPanel what="The map" error={query.error} onRetry={() => query.refetch()} />;
  }
  return (
    <>
      {!map ? null : map.features.length === 0 ? (
        <p className="mb-4 text-13 text-muted">
          No feature was compared in this range. The runs below say why.
        </p>
      ) : (
        <HeatMap
          map={map}
          chosen={chosen}
          onChoose={({ runId, feature: name }) => void set({ run: runId, feature: name })}
        />
      )}
      {chosen ? <FeatureDetail {...chosen} /> : null}
    </>
  );
}

function Runs({ monitorId }: { monitorId: string }) {
  const { query, items } = usePages({
    pathKey: trpc.drift.runs.pathKey(),
    input: { monitorId },
    fetchPage: (cursor, signal) =>
      api.drift.runs.query({ monitorId, limit: 50, cursor }, { signal }),
    refetchMs: 30_000,
  });
  return (
    <section aria-labelledby="runs" className="mb-4">
      <h2 id="runs" className="mb-2 font-medium text-14">
        Runs
      </h2>
      {query.isError && !items ? (
        <ErrorPanel what="The runs" error={query.error} onRetry={() => query.refetch()} />
      ) : !items ? null : items.length === 0 ? (
        <p className="text-13 text-muted">
          None yet. The first comes when a window has ended; or run it now.
        </p>
      ) : (
        <LazyTable
          label="Runs"
          columns={columns}
          rows={items}
          rowId={({ id }) => id}
          more={
            query.hasNextPage
              ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
              : null
          }
        />
      )}
    </section>
  );
}

function Actions({ monitor, onEdit }: { monitor: MonitorItem; onEdit(): void }) {
  const { id, name, paused, mutedUntil } = monitor;
  const now = useNow() ?? 0;
  const muted = mutedUntil !== null && Date.parse(mutedUntil) > now;
  const router = useRouter();
  const [removing, setRemoving] = useState(false);
  const refresh = () => queryClient.invalidateQueries({ queryKey: trpc.drift.pathKey() });
  const run = useMutation({
    mutationFn: () => api.drift.monitors.run.mutate({ id }),
    onSuccess: async ({ verdict }) => {
      await refresh();
      toast(
        verdict === 'failed' ? 'bad' : 'ok',
        `The run is done: ${verdictStatus[verdict].word}.`,
      );
    },
    onError: (error) => toast('bad', failureOf(error).message),
  });
  const pause = useMutation({
    mutationFn: () => api.drift.monitors.pause.mutate({ id, paused: !paused }),
    onSuccess: refresh,
    onError: (error) => toast('bad', failureOf(error).message),
  });
  const mute = useMutation({
    mutationFn: () =>
      api.drift.monitors.update.mutate({
        id,
        mutedUntil: muted ? null : new Date(Date.now() + DAY_MS).toISOString(),
      }),
    onSuccess: refresh,
    onError: (error) => toast('bad', failureOf(error).message),
  });
  const remove = useMutation({
    mutationFn: () => api.drift.monitors.remove.mutate({ id }),
    onSuccess: async () => {
      toast('ok', `${name} is removed.`);
      router.push('/drift');
      await queryClient.invalidateQueries({ queryKey: trpc.drift.monitors.list.pathKey() });
    },
  });
  return (
    <>
      <Button look="primary" busy={run.isPending} onClick={() => run.mutate()}>
        Run now
      </Button>
      <Button onClick={onEdit}>Edit</Button>
      <Button busy={pause.isPending} onClick={() => pause.mutate()}>
        {paused ? 'Resume' : 'Pause'}
      </Button>
      <Button
        busy={mute.isPending}
        title={muted ? undefined : 'It goes on looking, and opens no incident for a day'}
        onClick={() => mute.mutate()}
      >
        {muted ? 'Unmute' : 'Mute for a day'}
      </Button>
      <Button onClick={() => setRemoving(true)}>Remove</Button>
      {removing ? (
        <Confirm
          title={`Remove ${name}`}
          consequence="Its runs are deleted, and its open incident is resolved. The reference and the predictions stay."
          verb="Remove monitor"
          danger
          busy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate()}
          onClose={() => setRemoving(false)}
        />
      ) : null}
    </>
  );
}

/** One monitor: which features changed, when, by how much, and what that means. */
export function MonitorPage() {
  const [{ id, range }, set] = useQueryStates({
    id: parseAsString.withDefault(''),
    range: parseAsStringLiteral(ranges),
  });
  const operator = useAllowed('operator');
  const [editing, setEditing] = useState(false);
  const query = useQuery(
    trpc.drift.monitors.get.queryOptions(
      { id },
      {
        enabled: id !== '',
        refetchInterval: ({ state }) => recoveryInterval(state) ?? 30_000,
      },
    ),
  );
  const { data: monitor } = query;
  const status = query.isError ? failureOf(query.error).status : null;
  if (id === '' || status === 404 || status === 400) {
    return (
      <>
        <PageHeader title="Drift monitor" state="" />
        <EmptyState
          title="There is no such monitor"
          why="It was removed, or the address is cut off."
          action={
            <Link href="/drift" className={buttonClass('secondary')}>
              All monitors
            </Link>
          }
        />
      </>
    );
  }
  if (query.isError && !monitor) {
    return (
      <>
        <PageHeader title="Drift monitor" state="" />
        <ErrorPanel what="The monitor" error={query.error} onRetry={() => query.refetch()} />
      </>
    );
  }
  if (!monitor) return <PageSkeleton title="Drift monitor" />;
  const shown = range ?? rangeOf(monitor);
  return (
    <>
      <PageHeader
        title={monitor.name}
        state={<State monitor={monitor} />}
        action={
          <>
            <RangeButtons
              ranges={ranges}
              value={shown}
              onChange={(next) => void set({ range: next })}
            />
            {operator ? <Actions monitor={monitor} onEdit={() => setEditing(true)} /> : null}
          </>
        }
      />
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <MapPanel id={id} range={shown} stamp={monitor.lastRunAt} />
      <Runs monitorId={id} />
      {editing ? <MonitorDialog monitor={monitor} onClose={() => setEditing(false)} /> : null}
    </>
  );
}
