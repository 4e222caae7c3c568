'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import dynamic from 'next/dynamic';
import { useState } from 'react';
import { Details } from '../../../../components/data/details.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { formatOf } from '../../../../components/forecasts/units.ts';
import { count } from '../../../../components/format/number.ts';
import { formatInstant } from '../../../../components/format/time.ts';
import { api, recoveryInterval, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { ResourceDetail } from '../../../../server/capacity/contract.ts';
import { ResourceChart } from './resource-chart.tsx';
import { UseBar } from './use-bar.tsx';
import { refreshCapacity } from './use-resources.ts';
import { kindWords, stateOf } from './words.ts';

const ResourceDialog = dynamic(() => import('./resource-dialog.tsx'), { ssr: false });
const ScaleDialog = dynamic(() => import('./scale-dialog.tsx'), { ssr: false });

const moment = (at: string | null | undefined) => (at ? formatInstant(at) : 'not within a year');

function Facts({ resource }: { resource: ResourceDetail }) {
  const format = formatOf(resource.unit);
  const { assessment, value, limit, limitFrom, direction } = resource;
  const rate = assessment?.perDay;
  return (
    <Details
      rows={[
        ['Kind', kindWords[resource.subject.kind]],
        ['Now', value === null ? '–' : format(value)],
        [
          direction === 'upper' ? 'Limit' : 'Least',
          limit === null
            ? 'none given'
            : `${format(limit)}, ${limitFrom === 'given' ? 'given' : 'measured'}`,
        ],
        ...(rate
          ? [
              [
                'A day, towards the limit',
                `${format(rate.mean)} (${format(rate.lower)} to ${format(rate.upper)})`,
              ] as const,
            ]
          : []),
        ...(resource.state === 'crossing'
          ? ([
              ['Reached', moment(assessment?.at.mean)],
              ['At the earliest', moment(assessment?.at.earliest)],
              ['At the latest', moment(assessment?.at.latest)],
            ] as const)
          : []),
        ...(assessment?.windowFrom
          ? [
              [
                'Seen',
                `${count(assessment.points, 'value')} since ${formatInstant(assessment.windowFrom)}`,
              ] as const,
            ]
          : []),
        [
          'Notice',
          resource.incidents
            ? `${resource.warnDays} days before, critical ${resource.criticalDays} days before`
            : 'Only shown here',
        ],
        ...(resource.metricName === null
          ? []
          : [['Autoscalers read it as', resource.metricName] as const]),
        [
          'Looked at',
          resource.assessedAt ? <RelativeTime key="at" at={resource.assessedAt} /> : 'not yet',
        ],
      ]}
    />
  );
}

function Actions({ resource, onGone }: { resource: ResourceDetail; onGone(): void }) {
  const { id, name, paused, builtIn } = resource;
  const [open, setOpen] = useState<'edit' | 'scale' | 'remove' | null>(null);
  const pause = useMutation({
    mutationFn: () => api.capacity.update.mutate({ id, paused: !paused }),
    onSuccess: refreshCapacity,
    onError: (error) => toast('bad', failureOf(error).message),
  });
  const remove = useMutation({
    mutationFn: () => api.capacity.remove.mutate({ id }),
    onSuccess: async () => {
      onGone();
      await refreshCapacity();
      toast('ok', `${name} is removed.`);
    },
  });
  return (
    <div className="flex flex-wrap gap-2">
      <Button onClick={() => setOpen('edit')}>Edit</Button>
      <Button onClick={() => setOpen('scale')}>Scale by it</Button>
      <Button busy={pause.isPending} onClick={() => pause.mutate()}>
        {paused ? 'Resume' : 'Pause'}
      </Button>
      {builtIn ? null : (
        <Button look="danger" onClick={() => setOpen('remove')}>
          Remove
        </Button>
      )}
      {open === 'edit' ? (
        <ResourceDialog resource={resource} onClose={() => setOpen(null)} />
      ) : open === 'scale' ? (
        <ScaleDialog resource={resource} onClose={() => setOpen(null)} />
      ) : open === 'remove' ? (
        <Confirm
          title={`Remove ${name}`}
          consequence="Its limit is not watched any more, and an incident about it ends. The series itself stays."
          verb="Remove resource"
          danger
          busy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate()}
          onClose={() => setOpen(null)}
        />
      ) : null}
    </div>
  );
}

/** One resource: its past, the line to its limit, and what would put it off. */
export default function ResourceSheet(props: { id: string; operator: boolean; onClose(): void }) {
  const { id, operator, onClose } = props;
  const query = useQuery(
    trpc.capacity.get.queryOptions(
      { id },
      { refetchInterval: ({ state }) => recoveryInterval(state) ?? 60_000 },
    ),
  );
  const { data: resource } = query;
  return (
    <Dialog
      open
      as="sheet"
      title={resource?.name ?? 'Resource'}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
    >
      {query.isError && !resource ? (
        <ErrorPanel what="The resource" error={query.error} onRetry={() => query.refetch()} />
      ) : !resource ? (
        <Skeleton className="h-80" />
      ) : (
        <div className="grid grid-cols-[minmax(0,1fr)] gap-4">
          <div className="flex flex-wrap items-center gap-2 text-13">
            <StatusBadge {...stateOf(resource)} />
            <span>{resource.detail}</span>
          </div>
          {resource.used === null ? null : <UseBar used={resource.used} wide />}
          <ResourceChart resource={resource} />
          {resource.assessment?.suggestion ? (
            <p className="rounded-card border px-3 py-2 text-13">
              {resource.assessment.suggestion}
            </p>
          ) : null}
          <Facts resource={resource} />
          {(resource.assessment?.notes ?? []).length > 0 ? (
            <ul className="grid list-disc gap-0.5 pl-4 text-13 text-muted">
              {resource.assessment?.notes.map((note) => (
                <li key={note}>{note}</li>
              ))}
            </ul>
          ) : null}
          {operator ? <Actions resource={resource} onGone={onClose} /> : null}
        </div>
      )}
    </Dialog>
  );
}
