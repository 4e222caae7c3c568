'use client';

import { useQuery } from '@tanstack/react-query';
import type { z } from 'zod';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { FormEnd } from '../../../../components/ui/form-end.tsx';
import { Input, Textarea } from '../../../../components/ui/input.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import { submitOnCtrlEnter } from '../../../../components/ui/submit.ts';
import { toast } from '../../../../components/ui/toast.tsx';
import { useForm } from '../../../../components/ui/use-form.ts';
import type { BreakerDetail, breakerUpsertSchema } from '../../../../server/breakers/contract.ts';
import { Backtest } from './backtest.tsx';
import { check, policyOf, type Values, valuesOf } from './policy-form.ts';

const numbers: readonly [keyof Values, string, string][] = [
  ['failureThreshold', 'Opens from, % failed', 'Time-outs are failures.'],
  ['minimumCalls', 'Minimum calls', 'Fewer in the window never open it.'],
  ['windowMs', 'Window, seconds', 'Outcomes of this long count.'],
  ['openMs', 'Stays open, seconds', 'Then trial calls are let through.'],
  ['halfOpenProbes', 'Trial calls', 'All of them must succeed.'],
  ['probeLeaseMs', 'Trial ends after, seconds', 'A trial without an answer has failed.'],
];
const slow: readonly [keyof Values, string, string][] = [
  ['slowCallMs', 'A call is slow from, seconds', 'Empty: no call is slow.'],
  ['slowCallThreshold', 'Opens from, % slow', 'Counts beside failures.'],
];

function PolicyForm({ breaker, onClose }: { breaker: BreakerDetail | null; onClose(): void }) {
  const form = useForm({
    before: valuesOf(breaker),
    check,
    save: (input: z.output<typeof breakerUpsertSchema>) => api.breakers.upsert.mutate(input),
    fieldOf: (path) => path.split('.').at(-1),
    async onSaved(_answer, { name }) {
      await queryClient.invalidateQueries({ queryKey: trpc.breakers.pathKey() });
      toast('ok', `${name} is ${breaker ? 'saved' : 'added'}.`);
      onClose();
    },
    onClose,
  });
  const { values, bind, errorOf } = form;
  const numeric = ([field, label, help]: (typeof numbers)[number]) => (
    <Field key={field} label={label} help={help} error={errorOf(field)}>
      {(control) => <Input {...control} {...bind(field)} inputMode="decimal" autoComplete="off" />}
    </Field>
  );
  const { policy } = policyOf(values);
  return (
    <Dialog
      open
      as="sheet"
      title={breaker ? `Policy of ${breaker.name}` : 'Add a breaker'}
      description="When it opens, for how long, and how it is tried again."
      onOpenChange={form.close}
    >
      <form noValidate onSubmit={form.submit} onKeyDown={submitOnCtrlEnter} className="grid gap-4">
        {breaker ? null : (
          <Field label="Name" help="What programs call it, e.g. payments." error={errorOf('name')}>
            {(control) => <Input {...control} {...bind('name')} autoComplete="off" />}
          </Field>
        )}
        <Field label="Description" error={errorOf('description')}>
          {(control) => <Input {...control} {...bind('description')} autoComplete="off" />}
        </Field>
        <div className="grid grid-cols-2 items-start gap-4">{numbers.map(numeric)}</div>
        <div className="grid grid-cols-2 items-start gap-4">{slow.map(numeric)}</div>
        <Field
          label="Alerts that hold it open"
          help="One label=value a line; an alert must have them all. An alert with the label breaker and this name holds it in any case."
          error={errorOf('matchers')}
        >
          {(control) => <Textarea code {...control} {...bind('matchers')} rows={2} />}
        </Field>
        {breaker ? <Backtest name={breaker.name} policy={policy} /> : null}
        <FormEnd
          {...form.end}
          verb={breaker ? 'Save policy' : 'Add breaker'}
          onCancel={form.close}
        />
      </form>
    </Dialog>
  );
}

/** A breaker is made (`name` null), or its policy changed after it was tried on the past. */
export default function PolicySheet({ name, onClose }: { name: string | null; onClose(): void }) {
  const query = useQuery(
    trpc.breakers.get.queryOptions({ name: name ?? '' }, { enabled: name !== null }),
  );
  if (name === null) return <PolicyForm breaker={null} onClose={onClose} />;
  if (query.data) return <PolicyForm breaker={query.data} onClose={onClose} />;
  return (
    <Dialog open as="sheet" title={`Policy of ${name}`} onOpenChange={onClose}>
      {query.isError ? (
        <ErrorPanel what="The breaker" error={query.error} onRetry={() => query.refetch()} />
      ) : (
        <Skeleton className="h-64" />
      )}
    </Dialog>
  );
}
