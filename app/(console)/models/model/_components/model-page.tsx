'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import dynamic from 'next/dynamic';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { useState } from 'react';
import { EmptyState } from '../../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../../components/data/error-panel.tsx';
import { PageHeader } from '../../../../../components/data/page-header.tsx';
import { PageSkeleton } from '../../../../../components/data/page-skeleton.tsx';
import { RelativeTime } from '../../../../../components/data/relative-time.tsx';
import { StaleNote } from '../../../../../components/data/stale-note.tsx';
import { StatusBadge } from '../../../../../components/data/status-badge.tsx';
import { TableSkeleton } from '../../../../../components/data/table-skeleton.tsx';
import { count } from '../../../../../components/format/number.ts';
import { useNow } from '../../../../../components/live/use-now.ts';
import { HowToSend } from '../../../../../components/models/send.tsx';
import { modelState, taskWords } from '../../../../../components/models/words.ts';
import { useAllowed } from '../../../../../components/shell/use-me.ts';
import { api, queryClient, recoveryInterval, trpc } from '../../../../../components/trpc/client.ts';
import { failureOf } from '../../../../../components/trpc/errors.ts';
import { Button, buttonClass } from '../../../../../components/ui/button.tsx';
import { Select } from '../../../../../components/ui/input.tsx';
import { RangeButtons } from '../../../../../components/ui/range-buttons.tsx';
import { toast } from '../../../../../components/ui/toast.tsx';
import type { ModelDetail } from '../../../../../server/models/contract.ts';
import { Confusion, OverTime, Reliability, SegmentTable, Summary } from './figures.tsx';
import { References } from './references.tsx';

const ModelDialog = dynamic(() => import('../../../../../components/models/model-dialog.tsx'), {
  ssr: false,
});
const Confirm = dynamic(
  () => import('../../../../../components/ui/confirm.tsx').then((m) => ({ default: m.Confirm })),
  { ssr: false },
);

const ranges = ['24h', '7d', '30d', '90d'] as const;
const days = { '24h': 1, '7d': 7, '30d': 30, '90d': 90 } as const;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

function Performance(props: {
  model: ModelDetail;
  range: (typeof ranges)[number];
  segment: string;
  onSegment(segment: string): void;
}) {
  const { model, range, segment, onSegment } = props;
  // Whole minutes: a new range each second would be a new question each second.
  const to = Math.ceil((useNow() ?? 0) / MINUTE_MS) * MINUTE_MS;
  const query = useQuery(
    trpc.models.performance.queryOptions(
      {
        id: model.id,
        from: new Date(to - days[range] * DAY_MS).toISOString(),
        to: new Date(to).toISOString(),
        ...(model.segments.includes(segment) ? { segment } : {}),
      },
      { enabled: to > 0, refetchInterval: ({ state }) => recoveryInterval(state) ?? false },
    ),
  );
  const { data } = query;
  if (query.isError && !data) {
    return (
      <ErrorPanel what="The performance" error={query.error} onRetry={() => query.refetch()} />
    );
  }
  if (!data) return <TableSkeleton />;
  const { overall } = data;
  if (data.counts.predictions === 0) {
    return (
      <section className="mb-5 grid gap-4">
        <EmptyState
          title="No predictions in this range"
          why="Send what the model predicts, and what was true when it is known. A prediction is taken once by its id, so sending it again does no harm."
        />
        <HowToSend model={model.name} features={model.features} />
      </section>
    );
  }
  return (
    <>
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <Summary performance={data} />
      <OverTime performance={data} />
      {overall?.kind === 'classification' ? (
        <div className="mb-4 grid grid-cols-[minmax(0,1fr)] gap-4 xl:grid-cols-2">
          <Confusion figures={overall} />
          {overall.calibration ? (
            <Reliability calibration={overall.calibration} brier={overall.brier} />
          ) : null}
        </div>
      ) : null}
      {model.segments.length > 0 ? (
        <section aria-labelledby="segments" className="mb-4">
          <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
            <h2 id="segments" className="font-medium text-14">
              By segment
            </h2>
            <div className="w-48">
              <Select
                aria-label="Segment"
                value={segment}
                onChange={({ target }) => onSegment(target.value)}
              >
                <option value="">Choose one</option>
                {model.segments.map((name) => (
                  <option key={name} value={name}>
                    {name}
                  </option>
                ))}
              </Select>
            </div>
          </div>
          {segment && data.segment === segment ? <SegmentTable performance={data} /> : null}
        </section>
      ) : null}
    </>
  );
}

function State({ model }: { model: ModelDetail }) {
  const { task, features, lastAt, waitingLabels, verdictDetail } = model;
  return (
    <>
      <StatusBadge {...modelState(model)} /> {taskWords[task]}, {count(features.length, 'feature')}
      {lastAt ? (
        <>
          ; last prediction <RelativeTime at={lastAt} />
        </>
      ) : null}
      {waitingLabels > 0 ? `; ${count(waitingLabels, 'label')} without a prediction yet` : ''}.
      {verdictDetail ? <span className="mt-1 block">{verdictDetail}</span> : null}
    </>
  );
}

/** One model: how good it is, what its inputs are compared with, and how to send. */
export function ModelPage() {
  const [{ id, range, segment }, set] = useQueryStates({
    id: parseAsString.withDefault(''),
    range: parseAsStringLiteral(ranges).withDefault('7d'),
    segment: parseAsString.withDefault(''),
  });
  const operator = useAllowed('operator');
  const router = useRouter();
  const [dialog, setDialog] = useState<'edit' | 'remove' | null>(null);
  const [how, setHow] = useState(false);
  const query = useQuery(
    trpc.models.get.queryOptions(
      { id },
      {
        enabled: id !== '',
        refetchInterval: ({ state }) => recoveryInterval(state) ?? 30_000,
      },
    ),
  );
  const remove = useMutation({
    mutationFn: () => api.models.remove.mutate({ id }),
    onSuccess: async () => {
      toast('ok', 'The model is removed.');
      router.push('/models');
      await queryClient.invalidateQueries({ queryKey: trpc.models.list.pathKey() });
    },
  });
  const { data: model } = query;
  const status = query.isError ? failureOf(query.error).status : null;
  if (id === '' || status === 404 || status === 400) {
    return (
      <>
        <PageHeader title="Model" state="" />
        <EmptyState
          title="There is no such model"
          why="It was removed, or the address is cut off."
          action={
            <Link href="/models" className={buttonClass('secondary')}>
              All models
            </Link>
          }
        />
      </>
    );
  }
  if (query.isError && !model) {
    return (
      <>
        <PageHeader title="Model" state="" />
        <ErrorPanel what="The model" error={query.error} onRetry={() => query.refetch()} />
      </>
    );
  }
  if (!model) return <PageSkeleton title="Model" />;
  return (
    <>
      <PageHeader
        title={model.name}
        state={<State model={model} />}
        action={
          <>
            <RangeButtons
              ranges={ranges}
              value={range}
              onChange={(next) => void set({ range: next })}
            />
            {operator ? (
              <>
                <Button onClick={() => setDialog('edit')}>Edit</Button>
                <Button onClick={() => setDialog('remove')}>Remove</Button>
              </>
            ) : null}
          </>
        }
      />
      {model.description ? <p className="mb-4 max-w-[80ch] text-13">{model.description}</p> : null}
      <Performance
        model={model}
        range={range}
        segment={segment}
        onSegment={(next) => void set({ segment: next || null })}
      />
      <References model={model} operator={operator === true} />
      <section aria-label="How to send" className="mb-4">
        <Button aria-expanded={how} onClick={() => setHow(!how)}>
          {how ? 'Hide how to send' : 'How to send'}
        </Button>
        {how ? (
          <div className="mt-3">
            <HowToSend model={model.name} features={model.features} />
          </div>
        ) : null}
      </section>
      {dialog === 'edit' ? <ModelDialog model={model} onClose={() => setDialog(null)} /> : null}
      {dialog === 'remove' ? (
        <Confirm
          title={`Remove ${model.name}`}
          consequence="Its predictions, labels, references and monitors are deleted. Nothing brings them back."
          verb="Remove model"
          danger
          busy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate()}
          onClose={() => setDialog(null)}
        />
      ) : null}
    </>
  );
}
