'use client';

import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { ZoomProvider } from '../../../components/charts/zoom.tsx';
import { ErrorPanel } from '../../../components/data/error-panel.tsx';
import { PageHeader } from '../../../components/data/page-header.tsx';
import { StaleNote } from '../../../components/data/stale-note.tsx';
import { formatDuration } from '../../../components/format/duration.ts';
import { useLiveTopics, useOutages } from '../../../components/live/hooks.ts';
import { live } from '../../../components/live/stream.ts';
import { useNow } from '../../../components/live/use-now.ts';
import { type Outputs, recoveryInterval, trpc } from '../../../components/trpc/client.ts';
import { Skeleton } from '../../../components/ui/skeleton.tsx';
import { Attention } from './attention.tsx';
import { Charts } from './charts.tsx';
import { Components } from './components.tsx';
import { RecentAudit } from './recent-audit.tsx';
import { Tiles } from './tiles.tsx';
import { useFleetAttention } from './use-fleet-attention.ts';

const REFRESH_MS = 10_000;

function State(props: { data: Outputs['system']['overview'] | undefined; failed: boolean }) {
  const { data, failed } = props;
  const now = useNow();
  const { database } = useOutages();
  if (database !== null) {
    return <>PostgreSQL is unreachable; what is stored cannot be read until it is back.</>;
  }
  if (!data && failed) return <>How the components are is not known.</>;
  if (!data || now === null) return <Skeleton className="h-4 w-64" />;
  const used = data.components.filter(({ status }) => status !== 'off');
  const unwell = used.filter(({ status }) => status !== 'ok').length;
  const health =
    unwell === 0
      ? `All ${used.length} components are well`
      : `${unwell} of ${used.length} components are unwell`;
  const up = formatDuration(Math.max(0, Math.round((now - Date.parse(data.startedAt)) / 1000)));
  return (
    <>
      {health}. Up {up}, version {data.version}.
    </>
  );
}

export function Overview() {
  useLiveTopics(['http', 'process', 'database', 'redis', 'jobs', 'stream']);
  const query = useQuery(
    trpc.system.overview.queryOptions(undefined, {
      refetchInterval: ({ state }) => recoveryInterval(state) ?? REFRESH_MS,
      // A page that comes back catches up at once.
      refetchOnWindowFocus: 'always',
    }),
  );
  const { data, error, isError, refetch, dataUpdatedAt } = query;
  const { database } = useOutages();
  const fleet = useFleetAttention();
  const history = data?.history.points;
  useEffect(() => {
    if (history) live.seed(history);
  }, [history]);
  const retry = () => {
    refetch().catch(() => undefined);
  };
  return (
    <>
      <PageHeader title="Overview" state={<State data={data} failed={isError} />} />
      {(isError || database !== null) && data ? <StaleNote at={dataUpdatedAt} /> : null}
      {isError && !data && database === null ? (
        <div className="mb-6">
          <ErrorPanel what="The state of the components" error={error} onRetry={retry} />
        </div>
      ) : (
        <Attention
          items={data ? [...data.attention, ...fleet] : undefined}
          databaseDownSince={database}
        />
      )}
      <Tiles />
      <ZoomProvider>
        <Charts />
      </ZoomProvider>
      <div className="mt-6 grid gap-6 xl:grid-cols-2">
        <Components items={data?.components} />
        <RecentAudit entries={data?.recentAudit} />
      </div>
    </>
  );
}
