'use client';

import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { TargetSelect } from '../../../../components/data/target-select.tsx';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input, Select } from '../../../../components/ui/input.tsx';
import { submitOnCtrlEnter } from '../../../../components/ui/submit.ts';
import { toast } from '../../../../components/ui/toast.tsx';
import { maintenanceCreateSchema } from '../../../../server/health/contract.ts';

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** `2026-01-31T08:00` in the viewer's zone, as the input wants it. */
function localInput(at: number): string {
  const date = new Date(at);
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
const instant = (local: string): string | undefined => {
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
};

/** Plans a window, once or recurring. */
export default function WindowForm({ onClose }: { onClose(): void }) {
  const [now] = useState(() => Date.now());
  const [values, setValues] = useState({
    name: '',
    recurring: false,
    from: localInput(now),
    to: localInput(now + 3_600_000),
    cron: '0 3 * * 0',
    minutes: '60',
    timeZone: zone,
    targetIds: [] as string[],
  });
  const [touched, setTouched] = useState(false);
  const input = {
    ...(values.name.trim() ? { name: values.name.trim() } : {}),
    targetIds: values.targetIds,
    ...(values.recurring
      ? {
          cron: values.cron,
          durationMinutes: Number(values.minutes),
          timeZone: values.timeZone.trim() || 'UTC',
        }
      : { startsAt: instant(values.from), endsAt: instant(values.to) }),
  };
  const parsed = maintenanceCreateSchema.safeParse(input);
  const create = useMutation(
    trpc.health.maintenance.create.mutationOptions({
      onSuccess: async () => {
        await queryClient.invalidateQueries({ queryKey: trpc.health.maintenance.pathKey() });
        toast('ok', 'The window is planned.');
        onClose();
      },
    }),
  );
  const failure = create.error ? failureOf(create.error) : null;
  const errorOf = (field: string) =>
    failure?.fields.find(({ path }) => path === field)?.message ??
    (touched
      ? parsed.error?.issues.find((issue) => String(issue.path[0]) === field)?.message
      : undefined);
  const bind = (field: 'name' | 'from' | 'to' | 'cron' | 'minutes' | 'timeZone') => ({
    value: values[field],
    onChange: (event: { target: { value: string } }) => {
      create.reset();
      setValues({ ...values, [field]: event.target.value });
    },
    onBlur: () => setTouched(true),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTouched(true);
    if (parsed.success) create.mutate(parsed.data);
  };
  return (
    <Dialog
      open
      as="sheet"
      title="Plan a maintenance window"
      description="Checks go on; alerts and remedies are held back, and uptime leaves the time out."
      onOpenChange={onClose}
    >
      <form noValidate onSubmit={submit} onKeyDown={submitOnCtrlEnter} className="grid gap-4">
        <Field
          label="Name"
          error={errorOf('name')}
          help="What is done, for those who see the banner."
        >
          {(control) => <Input {...control} {...bind('name')} />}
        </Field>
        <Field label="How often">
          {(control) => (
            <Select
              {...control}
              value={values.recurring ? 'recurring' : 'once'}
              onChange={(event) =>
                setValues({ ...values, recurring: event.target.value === 'recurring' })
              }
            >
              <option value="once">Once</option>
              <option value="recurring">Again and again (cron)</option>
            </Select>
          )}
        </Field>
        {values.recurring ? (
          <>
            <Field
              label="Begins (cron)"
              error={errorOf('cron')}
              help="minute hour day-of-month month day-of-week; 0 3 * * 0 is Sundays at 03:00"
            >
              {(control) => <Input {...control} {...bind('cron')} className="font-mono" />}
            </Field>
            <div className="grid grid-cols-2 gap-3">
              <Field label="Lasts (minutes)" error={errorOf('durationMinutes')}>
                {(control) => <Input {...control} {...bind('minutes')} inputMode="numeric" />}
              </Field>
              <Field label="Time zone" error={errorOf('timeZone')}>
                {(control) => <Input {...control} {...bind('timeZone')} />}
              </Field>
            </div>
          </>
        ) : (
          <div className="grid gap-3 sm:grid-cols-2">
            <Field label={`From (${zone})`} error={errorOf('startsAt')}>
              {(control) => <Input {...control} {...bind('from')} type="datetime-local" />}
            </Field>
            <Field label={`To (${zone})`} error={errorOf('endsAt')}>
              {(control) => <Input {...control} {...bind('to')} type="datetime-local" />}
            </Field>
          </div>
        )}
        <Field
          label="Targets"
          error={errorOf('targetIds')}
          help={
            values.targetIds.length === 0
              ? 'None chosen: the whole fleet. Ctrl or ⌘ chooses several.'
              : `${values.targetIds.length} chosen.`
          }
        >
          {(control) => (
            <TargetSelect
              control={control}
              value={values.targetIds}
              onChange={(targetIds) => setValues({ ...values, targetIds })}
            />
          )}
        </Field>
        {failure && failure.fields.length === 0 ? (
          <p role="alert" className="text-13 text-bad-text">
            {failure.message}
          </p>
        ) : null}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={create.isPending}>
            Plan window
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
