'use client';

import type { ChangeEvent } from 'react';
import { TargetSelect } from '../../../../components/data/target-select.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input, Select, Textarea } from '../../../../components/ui/input.tsx';
import { usual, type Values } from './form-values.ts';

export type Bind = (field: keyof Values) => {
  value: string;
  onChange(event: ChangeEvent<HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement>): void;
  onBlur(): void;
};
type Part = {
  values: Values;
  setValues(values: Values): void;
  bind: Bind;
  errorOf(field: string): string | undefined;
};

const remedyKinds = [
  ['none', 'None: only tell people'],
  ['webhook', 'Webhook, signed'],
  ['command', 'Command of the config file'],
  ['docker', 'Docker: restart a container'],
  ['kubernetes', 'Kubernetes: restart a rollout'],
  ['systemd', 'systemd: restart a unit'],
] as const;
const modes = [
  ['automatic', 'Automatic: the console runs it'],
  ['approval', 'Approval: an operator says yes'],
  ['off', 'Off'],
] as const;
const nameLabels = {
  command: 'Command',
  docker: 'Container',
  kubernetes: 'Deployment',
  systemd: 'Unit',
} as const;

function Choice(props: {
  label: string;
  help?: string;
  bound: ReturnType<Bind>;
  options: readonly (readonly [string, string])[];
  error?: string | undefined;
}) {
  return (
    <Field label={props.label} help={props.help} error={props.error}>
      {(control) => (
        <Select {...control} {...props.bound}>
          {props.options.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

export function RemedyFields(
  props: Part & { commands: readonly string[] | undefined; signed: boolean },
) {
  const { values, bind, errorOf, commands, signed } = props;
  const kind = values.remedyKind;
  return (
    <fieldset className="grid gap-4 rounded-card border p-3.5">
      <legend className="px-1 font-medium text-13">Healing</legend>
      <Choice
        label="Remedy"
        bound={bind('remedyKind')}
        options={remedyKinds}
        help={kind === 'none' ? '' : 'At most 3 attempts: 10 s, 30 s and 90 s apart.'}
      />
      {kind === 'webhook' ? (
        <>
          <Field label="Webhook address" error={errorOf('remedyUrl')}>
            {(control) => <Input {...control} {...bind('remedyUrl')} spellCheck={false} />}
          </Field>
          <Field
            label="Signing secret"
            error={errorOf('remedySecret')}
            help={signed ? 'Stored; leave empty to keep it.' : 'At least 8 characters; optional.'}
          >
            {(control) => (
              <Input
                {...control}
                {...bind('remedySecret')}
                type="password"
                autoComplete="new-password"
              />
            )}
          </Field>
        </>
      ) : null}
      {kind === 'command' && commands && commands.length > 0 ? (
        <Choice
          label="Command"
          bound={bind('remedyName')}
          options={[['', 'Choose one'], ...commands.map((name) => [name, name] as const)]}
          error={errorOf('remedyName')}
        />
      ) : null}
      {kind === 'command' && commands?.length === 0 ? (
        <p className="text-13 text-muted">
          The config file (WHEELHOUSE_CONFIG) names no commands. Add them there and start again.
        </p>
      ) : null}
      {kind === 'kubernetes' ? (
        <Field label="Namespace" error={errorOf('namespace')}>
          {(control) => <Input {...control} {...bind('namespace')} />}
        </Field>
      ) : null}
      {kind === 'docker' || kind === 'kubernetes' || kind === 'systemd' ? (
        <Field label={nameLabels[kind]} error={errorOf('remedyName')}>
          {(control) => <Input {...control} {...bind('remedyName')} spellCheck={false} />}
        </Field>
      ) : null}
      {kind === 'none' ? null : <Choice label="Mode" bound={bind('remedyMode')} options={modes} />}
    </fieldset>
  );
}

export function Advanced(props: Part & { id: string | null; headerNames: readonly string[] }) {
  const { values, setValues, bind, errorOf, id, headerNames } = props;
  const http = values.kind === 'http';
  const heartbeat = values.kind === 'heartbeat';
  const common = usual(values.kind);
  return (
    <details className="rounded-card border">
      <summary className="cursor-pointer px-3.5 py-2.5 font-medium text-13">
        Expectations, dependencies and limits
      </summary>
      <div className="grid gap-4 border-t p-3.5">
        {http ? (
          <>
            <Choice
              label="Method"
              bound={bind('method')}
              options={[
                ['GET', 'GET'],
                ['HEAD', 'HEAD'],
                ['POST', 'POST'],
              ]}
            />
            <Field
              label="Expected status"
              error={errorOf('status')}
              help="Empty: 200 to 399 after redirects. Several: 200, 204"
            >
              {(control) => <Input {...control} {...bind('status')} />}
            </Field>
            <Field label="Body contains" error={errorOf('bodyIncludes')}>
              {(control) => <Input {...control} {...bind('bodyIncludes')} />}
            </Field>
            <Field
              label="Request headers"
              error={errorOf('headers')}
              help={
                headerNames.length > 0
                  ? `Set: ${headerNames.join(', ')}. Leave empty to keep them. Stored encrypted.`
                  : 'One a line, as Name: value. Stored encrypted.'
              }
            >
              {(control) => <Textarea code {...control} {...bind('headers')} rows={2} />}
            </Field>
            <label className="flex items-center gap-2 text-13">
              <input
                type="checkbox"
                checked={values.verifyTls}
                onChange={(event) => setValues({ ...values, verifyTls: event.target.checked })}
                className="size-4 accent-accent"
              />
              Verify the TLS certificate
            </label>
          </>
        ) : null}
        {heartbeat ? null : (
          <Field
            label="Degraded when slower than (ms)"
            error={errorOf('maxLatencyMs')}
            help="Slow answers degrade; they do not heal."
          >
            {(control) => (
              <Input
                {...control}
                {...bind('maxLatencyMs')}
                inputMode="numeric"
                placeholder={String(common.maxLatencyMs)}
              />
            )}
          </Field>
        )}
        <div className="grid grid-cols-3 gap-3">
          <Field label={heartbeat ? 'Grace (ms)' : 'Time-out (ms)'} error={errorOf('timeoutMs')}>
            {(control) => (
              <Input
                {...control}
                {...bind('timeoutMs')}
                inputMode="numeric"
                placeholder={String(common.timeoutMs)}
              />
            )}
          </Field>
          <Field label="Down after" error={errorOf('failAfter')}>
            {(control) => (
              <Input
                {...control}
                {...bind('failAfter')}
                inputMode="numeric"
                placeholder={String(common.failAfter)}
              />
            )}
          </Field>
          <Field label="Back after" error={errorOf('recoverAfter')}>
            {(control) => (
              <Input
                {...control}
                {...bind('recoverAfter')}
                inputMode="numeric"
                placeholder={String(common.recoverAfter)}
              />
            )}
          </Field>
        </div>
        <Field
          label="Depends on"
          error={errorOf('dependsOn')}
          help="While one of these is down, this one does not alert. Ctrl or ⌘ chooses several."
        >
          {(control) => (
            <TargetSelect
              control={control}
              value={values.dependsOn}
              onChange={(dependsOn) => setValues({ ...values, dependsOn })}
              without={id}
            />
          )}
        </Field>
        <Field
          label="Group"
          error={errorOf('group')}
          help="Targets of one group share an incident. Their first message waits 30 s for the others."
        >
          {(control) => <Input {...control} {...bind('group')} />}
        </Field>
        <Field label="Tags" error={errorOf('tags')} help="Separated by commas.">
          {(control) => <Input {...control} {...bind('tags')} />}
        </Field>
      </div>
    </details>
  );
}
