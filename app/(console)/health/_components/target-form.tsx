'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import { CircleAlert, CircleCheck } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { formatDuration } from '../../../../components/format/duration.ts';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { FormEnd } from '../../../../components/ui/form-end.tsx';
import { Input, Select } from '../../../../components/ui/input.tsx';
import { submitOnCtrlEnter } from '../../../../components/ui/submit.ts';
import { toast } from '../../../../components/ui/toast.tsx';
import type { CheckResult, TargetDetail } from '../../../../server/health/contract.ts';
import { targetKinds } from '../../../../server/health/contract.ts';
import { kindWord } from './columns.tsx';
import { Advanced, type Bind, RemedyFields } from './form-parts.tsx';
import { check, emptyValues, fieldOf, usual, type Values, valuesOf } from './form-values.ts';
import { HeartbeatAddress } from './heartbeat-address.tsx';

const addressHelp = {
  http: 'https://example.com/health',
  tcp: 'tcp://db.example.com:5432',
  postgres: 'postgresql://user:password@host:5432/database. The password is stored encrypted.',
  redis: 'redis://:password@host:6379. The password is stored encrypted.',
  heartbeat: '',
} as const;

function Tried({ result }: { result: CheckResult }) {
  const Icon = result.ok ? CircleCheck : CircleAlert;
  return (
    <p
      role="status"
      className={`flex items-start gap-2 text-13 ${result.ok ? 'text-ok-text' : 'text-bad-text'}`}
    >
      <Icon aria-hidden className="mt-0.5 size-4 shrink-0" />
      <span>
        {result.ok ? 'Good' : 'Failed'}: {result.impaired ?? result.detail}
        {result.latencyMs === null ? '' : `, in ${formatDuration(result.latencyMs / 1000)}`}
        {result.tlsExpiresAt ? `, certificate until ${result.tlsExpiresAt.slice(0, 10)}` : ''}
      </span>
    </p>
  );
}

/** Adds a target, or edits one. Faults show as one types; "Check now" tries the settings without saving them. */
export default function TargetForm(props: {
  target: TargetDetail | null;
  onClose(): void;
  onSaved(id: string): void;
}) {
  const { target, onClose, onSaved } = props;
  const [values, setValues] = useState<Values>(() => (target ? valuesOf(target) : emptyValues()));
  const [before] = useState(values);
  const [touched, setTouched] = useState<Record<string, boolean>>({});
  const [asked, setAsked] = useState(false);
  const commands = useQuery(trpc.health.remedies.commands.queryOptions()).data?.items;
  const { input, faults } = check(values);
  const dirty = JSON.stringify(values) !== JSON.stringify(before);
  const probe = useMutation(trpc.health.targets.probe.mutationOptions());
  const save = useMutation({
    mutationFn: async () => {
      if (!input) throw new Error('invalid');
      if (!target) return api.health.targets.create.mutate(input);
      const { kind: _, url, ...rest } = input;
      // An address that was not touched is not sent: what is shown of it may lack its password.
      const address = url !== undefined && url !== target.address ? { url } : {};
      await api.health.targets.update.mutate({ id: target.id, ...rest, ...address });
      return { id: target.id };
    },
    onSuccess: async (made) => {
      await Promise.all([
        queryClient.invalidateQueries({ queryKey: trpc.health.targets.pathKey() }),
        queryClient.invalidateQueries({ queryKey: trpc.health.counts.pathKey() }),
      ]);
      if ('heartbeatUrl' in made && made.heartbeatUrl) return;
      toast('ok', target ? `${values.name} is saved.` : `${values.name} is watched.`);
      onSaved(made.id);
    },
  });
  if (save.data && 'heartbeatUrl' in save.data && save.data.heartbeatUrl) {
    const { id, heartbeatUrl } = save.data;
    return <HeartbeatAddress name={values.name} path={heartbeatUrl} onClose={() => onSaved(id)} />;
  }
  const failure = save.error ? failureOf(save.error) : null;
  const errorOf = (field: string) =>
    failure?.fields.find(({ path }) => fieldOf(path.split('.')) === field)?.message ??
    (touched[field] ? faults[field] : undefined);
  const bind: Bind = (field) => ({
    value: values[field] as string,
    onChange: (event) => {
      save.reset();
      setValues({ ...values, [field]: event.target.value });
    },
    onBlur: () => setTouched({ ...touched, [field]: true }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTouched(Object.fromEntries(Object.keys(values).map((field) => [field, true])));
    if (input) save.mutate();
  };
  const close = () => {
    if (dirty && !asked) setAsked(true);
    else onClose();
  };
  const shared = { values, setValues, bind, errorOf };
  return (
    <Dialog
      open
      as="sheet"
      title={target ? `Edit ${target.name}` : 'Add a target'}
      description={
        target ? 'Takes effect within two seconds.' : 'What is to be watched, and how it heals.'
      }
      onOpenChange={close}
    >
      <form noValidate onSubmit={submit} onKeyDown={submitOnCtrlEnter} className="grid gap-4">
        {target ? null : (
          <Field label="Kind">
            {(control) => (
              <Select
                {...control}
                value={values.kind}
                onChange={(event) => {
                  const kind = targetKinds.find((each) => each === event.target.value) ?? 'http';
                  setValues({ ...values, kind });
                  probe.reset();
                }}
              >
                {targetKinds.map((kind) => (
                  <option key={kind} value={kind}>
                    {kindWord(kind)}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        )}
        <Field label="Name" error={errorOf('name')}>
          {(control) => <Input {...control} {...bind('name')} autoComplete="off" />}
        </Field>
        {values.kind === 'heartbeat' ? null : (
          <Field label="Address" error={errorOf('url')} help={addressHelp[values.kind]}>
            {(control) => (
              <Input {...control} {...bind('url')} autoComplete="off" spellCheck={false} />
            )}
          </Field>
        )}
        <Field
          label={values.kind === 'heartbeat' ? 'Calls in every (seconds)' : 'Check every (seconds)'}
          error={errorOf('intervalSeconds')}
        >
          {(control) => (
            <Input
              {...control}
              {...bind('intervalSeconds')}
              inputMode="numeric"
              placeholder={String(usual(values.kind).intervalSeconds)}
            />
          )}
        </Field>
        <RemedyFields
          {...shared}
          commands={commands}
          signed={target?.remedy?.kind === 'webhook' && target.remedy.signed}
        />
        <Advanced {...shared} id={target?.id ?? null} headerNames={target?.headerNames ?? []} />
        {probe.data ? <Tried result={probe.data} /> : null}
        {probe.error ? (
          <p role="alert" className="text-13 text-bad-text">
            {failureOf(probe.error).message}
          </p>
        ) : null}
        <FormEnd
          verb={target ? 'Save' : 'Add target'}
          busy={save.isPending}
          failure={failure}
          asked={asked}
          onCancel={close}
          aside={
            values.kind === 'heartbeat' ? null : (
              <Button
                className="mr-auto"
                disabled={!input}
                busy={probe.isPending}
                onClick={() => input && probe.mutate(input)}
              >
                Check now
              </Button>
            )
          }
        />
      </form>
    </Dialog>
  );
}
