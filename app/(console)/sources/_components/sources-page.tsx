'use client';

import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { Stat } from '../../../../components/data/stat.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { formatBytes } from '../../../../components/format/bytes.ts';
import { count, formatNumber } from '../../../../components/format/number.ts';
import { formatPercent } from '../../../../components/format/percent.ts';
import { useMe } from '../../../../components/shell/use-me.ts';
import { recoveryInterval, trpc } from '../../../../components/trpc/client.ts';
import { allows } from '../../../../components/trpc/role.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { IngestStatus } from '../../../../server/metrics/contract.ts';
import { Rejections } from './rejections.tsx';
import { SourceList } from './source-list.tsx';
import { Ways } from './ways.tsx';

const REFRESH_MS = 5_000;
/** From here on the limit of series is worth a look. */
const NEARLY_FULL = 0.8;

function State({ status }: { status: IngestStatus | undefined }) {
  if (!status) return <Skeleton className="h-4 w-64" />;
  const lastMinute = status.ways.reduce((sum, way) => sum + way.samplesLastMinute, 0);
  const rejected = status.rejections.reduce((sum, each) => sum + each.count, 0);
  return (
    <>
      {count(lastMinute, 'sample')} in the last minute
      {rejected > 0 ? `, ${count(rejected, 'rejection')} to look at` : ''}.
    </>
  );
}

function Store({ store }: { store: IngestStatus['store'] | undefined }) {
  const full = store ? store.series / Math.max(1, store.seriesMax) : 0;
  return (
    <div className="mb-5 grid grid-cols-2 gap-3 lg:grid-cols-4">
      <Stat
        label="Series"
        value={store ? formatNumber(store.series) : undefined}
        note={
          store
            ? `${formatPercent(full)} of ${formatNumber(store.seriesMax)}; ${formatNumber(store.seriesPerMetricMax)} a metric`
            : ''
        }
        tone={full >= NEARLY_FULL ? 'warn' : 'plain'}
      />
      <Stat
        label="Samples kept"
        value={store ? formatNumber(store.samples + store.recentSamples) : undefined}
        note={store ? `${formatNumber(store.recentSamples)} of them recent, in memory` : ''}
      />
      <Stat
        label="On disk"
        value={store ? formatBytes(store.bytes) : undefined}
        note={store ? `${count(store.chunks, 'chunk')}` : ''}
      />
      <Stat
        label="Bytes a sample"
        value={
          store
            ? store.bytesPerSample === null
              ? '–'
              : store.bytesPerSample.toFixed(2)
            : undefined
        }
        note={store ? `${formatBytes(store.walBytes)} wait to be packed` : ''}
      />
    </div>
  );
}

/** How samples come in, what came, and what was refused. */
export function SourcesPage() {
  const answer = useQuery(
    trpc.metrics.status.queryOptions(undefined, {
      refetchInterval: ({ state }) => recoveryInterval(state) ?? REFRESH_MS,
    }),
  );
  const { data } = answer;
  const me = useMe();
  const operator = me !== undefined && allows(me.role, 'operator');
  const [adding, setAdding] = useState(false);
  return (
    <>
      <PageHeader
        title="Sources"
        state={<State status={data} />}
        action={
          operator ? (
            <Button look="primary" onClick={() => setAdding(true)}>
              <Plus aria-hidden className="size-4" />
              Add source
            </Button>
          ) : undefined
        }
      />
      {answer.isError && !data ? (
        <ErrorPanel what="What comes in" error={answer.error} onRetry={() => answer.refetch()} />
      ) : !data ? (
        <TableSkeleton />
      ) : (
        <>
          {answer.isError ? <StaleNote at={answer.dataUpdatedAt} /> : null}
          <Store store={data.store} />
          <SourceList operator={operator} adding={adding} onAdding={setAdding} />
          <Ways ways={data.ways} />
          <Rejections rejections={data.rejections} />
        </>
      )}
    </>
  );
}
