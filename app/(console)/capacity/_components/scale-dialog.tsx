'use client';

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Snippet } from '../../../../components/metrics/snippet.tsx';
import { api } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { FormEnd } from '../../../../components/ui/form-end.tsx';
import { Select } from '../../../../components/ui/input.tsx';
import { submitOnCtrlEnter } from '../../../../components/ui/submit.ts';
import { TextField } from '../../../../components/ui/text-field.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import { useForm } from '../../../../components/ui/use-form.ts';
import {
  type ManifestInput,
  manifestSchema,
  type ResourceDetail,
  type UpdateResourceInput,
  updateResourceSchema,
} from '../../../../server/capacity/contract.ts';
import { refreshCapacity } from './use-resources.ts';

type Values = ReturnType<typeof valuesOf>;
type Wire = { named: UpdateResourceInput; manifest: ManifestInput };
type Manifests = { hpa: string; keda: string };

/** A name of a metric made of the resource's own. */
const nameFrom = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 50)
    .replace(/(-ahead)*-*$/, '');
const valuesOf = (resource: ResourceDetail) => ({
  metricName: resource.metricName ?? nameFrom(resource.name),
  ahead: 'yes',
  aheadMinutes: String(resource.aheadMinutes),
  deployment: '',
  namespace: 'default',
  target: '',
  minReplicas: '1',
  maxReplicas: '10',
});

function check(values: Values, { id }: ResourceDetail) {
  const faults: Partial<Record<keyof Values, string>> = {};
  const number = (text: string) => (text.trim() === '' ? undefined : Number(text));
  const named = updateResourceSchema.safeParse({
    id,
    metricName: values.metricName.trim(),
    aheadMinutes: number(values.aheadMinutes),
  });
  const manifest = manifestSchema.safeParse({
    id,
    deployment: values.deployment.trim(),
    namespace: values.namespace.trim() || 'default',
    target: number(values.target),
    minReplicas: number(values.minReplicas),
    maxReplicas: number(values.maxReplicas),
    ahead: values.ahead === 'yes',
  });
  for (const { path, message } of [
    ...(named.error?.issues ?? []),
    ...(manifest.error?.issues ?? []),
  ]) {
    const field = Object.keys(values).find((name) => name === path[0]);
    if (field) faults[field as keyof Values] ??= message;
  }
  const input: Wire | null =
    named.success && manifest.success ? { named: named.data, manifest: manifest.data } : null;
  return { input, faults };
}

/** Lets autoscalers read a resource, and gives what their cluster needs for it. */
export default function ScaleDialog(props: { resource: ResourceDetail; onClose(): void }) {
  const { resource, onClose } = props;
  const [made, setMade] = useState<Manifests | null>(null);
  const form = useForm<Values, Wire, Manifests>({
    before: valuesOf(resource),
    check: (values) => check(values, resource),
    async save({ named, manifest }) {
      await api.capacity.update.mutate(named);
      return api.capacity.scaling.manifests.query(manifest);
    },
    async onSaved(manifests) {
      setMade(manifests);
      await refreshCapacity();
    },
    onClose,
  });
  const stop = useMutation({
    mutationFn: () => api.capacity.update.mutate({ id: resource.id, metricName: null }),
    onSuccess: async () => {
      onClose();
      await refreshCapacity();
      toast('ok', 'Autoscalers cannot read it any more.');
    },
    onError: (error) => toast('bad', failureOf(error).message),
  });
  if (made)
    return (
      <Dialog
        open
        as="sheet"
        title={`Scale by ${resource.name}`}
        description="One of the two. Until there are values, replicas stay as they are."
        onOpenChange={onClose}
      >
        <div className="grid grid-cols-[minmax(0,1fr)] gap-3">
          <h3 className="font-medium text-13">With KEDA</h3>
          <Snippet text={made.keda} what="the ScaledObject" />
          <h3 className="font-medium text-13">With a HorizontalPodAutoscaler</h3>
          <Snippet text={made.hpa} what="the HorizontalPodAutoscaler" />
          <div className="flex justify-end">
            <Button look="primary" onClick={onClose}>
              Done
            </Button>
          </div>
        </div>
      </Dialog>
    );
  return (
    <Dialog
      open
      as="sheet"
      title={`Scale by ${resource.name}`}
      description="A cluster adds replicas by what this is now, and by what it is expected to be when they are ready."
      onOpenChange={form.close}
    >
      <form noValidate onSubmit={form.submit} onKeyDown={submitOnCtrlEnter} className="grid gap-4">
        <TextField
          form={form}
          field="metricName"
          label="Name of the metric"
          help="Whoever has a key with the role viewer may read it."
        />
        <Field label="Scale ahead of need">
          {(control) => (
            <Select {...control} {...form.bind('ahead')}>
              <option value="yes">Yes, also by the forecast</option>
              <option value="no">No, by the present value alone</option>
            </Select>
          )}
        </Field>
        {form.values.ahead === 'yes' ? (
          <TextField
            form={form}
            field="aheadMinutes"
            label="Minutes ahead"
            help="As long as a new replica takes to be of use, and a little more."
            number
          />
        ) : null}
        <TextField
          form={form}
          field="target"
          label="One replica can carry"
          help="In the unit of the values."
          number
        />
        <TextField form={form} field="deployment" label="Deployment" />
        <TextField form={form} field="namespace" label="Namespace" />
        <TextField form={form} field="minReplicas" label="Replicas, at least" number />
        <TextField form={form} field="maxReplicas" label="Replicas, at most" number />
        <FormEnd
          {...form.end}
          verb="Show the manifests"
          onCancel={form.close}
          aside={
            resource.metricName === null ? undefined : (
              <Button look="danger" busy={stop.isPending} onClick={() => stop.mutate()}>
                Stop serving it
              </Button>
            )
          }
        />
      </form>
    </Dialog>
  );
}
