'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { type FormEvent, useState } from 'react';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import type { Draft } from '../../../../components/metrics/draft.ts';
import { bottomOf, panelQuery } from '../../../../components/metrics/new-panel.ts';
import { unitOf } from '../../../../components/metrics/units.ts';
import { useMetricDetail } from '../../../../components/metrics/use-metric.ts';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input, Select } from '../../../../components/ui/input.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { Panel } from '../../../../server/dashboards/contract.ts';

const NEW = '';

type Choice = { id: string; name: string; title: string };

/** The query as a panel at the bottom of a dashboard, which may be made for it. */
async function put(choice: Choice, panel: Omit<Panel, 'id' | 'x' | 'y'>): Promise<string> {
  const id = `p${Date.now().toString(36)}`;
  if (choice.id === NEW) {
    const made = await api.dashboards.create.mutate({
      name: choice.name,
      panels: [{ ...panel, id, x: 0, y: 0 }],
    });
    return made.id;
  }
  const { version, panels } = await api.dashboards.get.query({ id: choice.id });
  await api.dashboards.update.mutate({
    id: choice.id,
    version,
    panels: [...panels, { ...panel, id, x: 0, y: bottomOf(panels) }],
  });
  return choice.id;
}

/** Puts what is seen on a dashboard. */
export default function DashboardDialog(props: {
  draft: Draft;
  shape: 'line' | 'area' | 'bar';
  onClose(): void;
}) {
  const { draft, shape, onClose } = props;
  const router = useRouter();
  const list = useQuery(trpc.dashboards.list.queryOptions({ limit: 200 }));
  const detail = useMetricDetail(draft.sourceId ? '' : draft.metric);
  const [choice, setChoice] = useState<Choice>({ id: NEW, name: '', title: '' });
  const [touched, setTouched] = useState(false);
  const unit = unitOf(draft.metric, detail.data?.unit ?? '', draft.aggregations[0] ?? 'avg');
  const save = useMutation({
    mutationFn: () =>
      put(choice, {
        title: choice.title.trim(),
        width: 6,
        height: 3,
        visual: shape,
        unit,
        query: panelQuery(draft),
      }),
    onSuccess: async (id) => {
      await queryClient.invalidateQueries({ queryKey: trpc.dashboards.pathKey() });
      toast('ok', 'The panel is on the dashboard.', {
        label: 'Open',
        run: () => router.push(`/dashboards/view?id=${id}`),
      });
      onClose();
    },
  });
  const failure = save.error ? failureOf(save.error) : null;
  const missing = choice.id === NEW && choice.name.trim() === '';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTouched(true);
    if (!missing) save.mutate();
  };
  return (
    <Dialog
      open
      title="Add to a dashboard"
      description="As a new panel at the bottom. The dashboard's own range of time applies to it."
      onOpenChange={onClose}
    >
      {list.isError && !list.data ? (
        <ErrorPanel what="The dashboards" error={list.error} onRetry={() => list.refetch()} />
      ) : !list.data ? (
        <Skeleton className="h-32" />
      ) : (
        <form noValidate onSubmit={submit} className="grid gap-4">
          <Field label="Dashboard">
            {(control) => (
              <Select
                {...control}
                value={choice.id}
                onChange={({ target }) => setChoice({ ...choice, id: target.value })}
              >
                <option value={NEW}>A new one</option>
                {list.data.items.map(({ id, name }) => (
                  <option key={id} value={id}>
                    {name}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          {choice.id === NEW ? (
            <Field
              label="Name of the dashboard"
              error={touched && missing ? 'Give it a name' : undefined}
            >
              {(control) => (
                <Input
                  {...control}
                  value={choice.name}
                  maxLength={100}
                  autoComplete="off"
                  onChange={({ target }) => setChoice({ ...choice, name: target.value })}
                />
              )}
            </Field>
          ) : null}
          <Field label="Title of the panel" help="The metric's name when empty.">
            {(control) => (
              <Input
                {...control}
                value={choice.title}
                maxLength={100}
                autoComplete="off"
                onChange={({ target }) => setChoice({ ...choice, title: target.value })}
              />
            )}
          </Field>
          {failure ? (
            <p role="alert" className="text-13 text-bad-text">
              {failure.fields[0]?.message ?? failure.message}
            </p>
          ) : null}
          <div className="flex justify-end gap-2">
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" look="primary" busy={save.isPending}>
              Add panel
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
