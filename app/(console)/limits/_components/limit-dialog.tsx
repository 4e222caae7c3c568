'use client';

import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { formatNumber } from '../../../../components/format/number.ts';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input, Select } from '../../../../components/ui/input.tsx';
import { submitOnCtrlEnter } from '../../../../components/ui/submit.ts';
import { toast } from '../../../../components/ui/toast.tsx';
import {
  type LimitItem,
  limitModes,
  limitOverrideSchema,
} from '../../../../server/limits/contract.ts';
import { modeWords } from './words.ts';

const refresh = () => queryClient.invalidateQueries({ queryKey: trpc.limits.pathKey() });

function useLimitForm(limit: LimitItem | null, onClose: () => void) {
  const [values, setValues] = useState({
    name: limit?.name ?? '',
    perMinute: limit ? String(limit.perMinute) : '',
    burst: limit ? String(limit.burst) : '',
    mode: limit && limit.mode !== 'base' ? limit.mode : 'also',
    reason: '',
  });
  const [touched, setTouched] = useState<Partial<Record<string, boolean>>>({});
  const parsed = limitOverrideSchema.safeParse({
    name: values.name,
    perMinute: values.perMinute.trim() === '' ? undefined : Number(values.perMinute),
    ...(values.burst.trim() === '' ? {} : { burst: Number(values.burst) }),
    ...(limit?.mode === 'base' ? {} : { mode: values.mode }),
    reason: values.reason,
  });
  const done = async (text: string) => {
    await refresh();
    toast('ok', text);
    onClose();
  };
  const save = useMutation(
    trpc.limits.override.mutationOptions({
      onSuccess: () => done(`The limit ${values.name} is changed.`),
    }),
  );
  const remove = useMutation(
    trpc.limits.remove.mutationOptions({
      onSuccess: () => done(`The override of ${values.name} is removed.`),
    }),
  );
  const error = save.error ?? remove.error;
  const failure = error ? failureOf(error) : null;
  const errorOf = (field: keyof typeof values) =>
    failure?.fields.find(({ path }) => path === field)?.message ??
    (touched[field]
      ? parsed.error?.issues.find(({ path }) => path[0] === field)?.message
      : undefined);
  const bind = (field: keyof typeof values) => ({
    value: values[field],
    onChange: ({ target }: { target: { value: string } }) => {
      save.reset();
      remove.reset();
      setValues({ ...values, [field]: target.value });
    },
    onBlur: () => setTouched({ ...touched, [field]: true }),
  });
  const touchAll = () =>
    setTouched(Object.fromEntries(Object.keys(values).map((field) => [field, true])));
  return { values, parsed, save, remove, failure, errorOf, bind, touchAll };
}

/** Sets a limit over what the code and the configuration say, or takes that back. */
export default function LimitDialog(props: { limit: LimitItem | null; onClose(): void }) {
  const { limit, onClose } = props;
  const form = useLimitForm(limit, onClose);
  const { values, parsed, save, remove, failure, errorOf, bind, touchAll } = form;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    touchAll();
    if (parsed.success) save.mutate(parsed.data);
  };
  const takeBack = () => {
    touchAll();
    if (values.reason.trim().length >= 3) {
      remove.mutate({ name: values.name, reason: values.reason });
    }
  };
  const before = limit?.override?.before;
  return (
    <Dialog
      open
      as="sheet"
      title={limit ? `Limit ${limit.name}` : 'Limit a procedure'}
      description={
        limit
          ? `Calls: ${limit.pattern}. A change holds on every replica within a second.`
          : 'Each caller may make this many calls to it. It holds on every replica within a second.'
      }
      onOpenChange={onClose}
    >
      <form noValidate onSubmit={submit} onKeyDown={submitOnCtrlEnter} className="grid gap-4">
        {limit?.override ? (
          <p className="text-13 text-muted">
            {limit.override.by} set it <RelativeTime at={limit.override.at} />:{' '}
            {limit.override.reason}.
            {before
              ? ` Without it ${formatNumber(before.perMinute)} a minute, ${formatNumber(before.burst)} at once.`
              : ''}
          </p>
        ) : null}
        {limit ? null : (
          <Field
            label="Procedure or module"
            help="Such as metrics.query, or health.* for a module."
            error={errorOf('name')}
          >
            {(control) => <Input {...control} {...bind('name')} autoComplete="off" />}
          </Field>
        )}
        <Field
          label="Calls a minute"
          help="No 60 seconds see more than this."
          error={errorOf('perMinute')}
        >
          {(control) => <Input {...control} {...bind('perMinute')} inputMode="numeric" />}
        </Field>
        <Field
          label="At once"
          help="How many of them may come at the same time. Empty: a fifth."
          error={errorOf('burst')}
        >
          {(control) => <Input {...control} {...bind('burst')} inputMode="numeric" />}
        </Field>
        {limit?.mode === 'base' ? null : (
          <Field label="Counts" error={errorOf('mode')}>
            {(control) => (
              <Select {...control} {...bind('mode')}>
                {limitModes.map((mode) => (
                  <option key={mode} value={mode}>
                    {modeWords[mode]}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        )}
        <Field label="Reason" help="Stands in the audit log." error={errorOf('reason')}>
          {(control) => <Input {...control} {...bind('reason')} autoComplete="off" />}
        </Field>
        {failure && failure.fields.length === 0 ? (
          <p role="alert" className="text-13 text-bad-text">
            {failure.message}
          </p>
        ) : null}
        <div className="flex flex-wrap justify-end gap-2">
          {limit?.override ? (
            <Button look="danger" busy={remove.isPending} onClick={takeBack}>
              Remove override
            </Button>
          ) : null}
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={save.isPending}>
            Set limit
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
