'use client';

import type { ReactNode } from 'react';
import { Field } from '../../../../components/ui/field.tsx';
import { Input, Select } from '../../../../components/ui/input.tsx';
import type { ChannelItem } from '../../../../server/notify/contract.ts';
import type { Values } from './form-values.ts';

export type Bind = (field: keyof Values) => {
  value: string;
  onChange(event: { target: { value: string } }): void;
  onBlur(): void;
};
type KindFieldsProps = {
  values: Values;
  channel: ChannelItem | null;
  bind: Bind;
  errorOf(field: keyof Values): string | undefined;
};

const hidden = { type: 'password', autoComplete: 'off', spellCheck: false } as const;
const securities = [
  ['', 'Encrypted where the server offers it'],
  ['starttls', 'STARTTLS, or not at all'],
  ['tls', 'TLS from the start'],
  ['none', 'Not encrypted'],
] as const;

function Text(
  props: Pick<KindFieldsProps, 'bind' | 'errorOf'> & {
    field: keyof Values;
    label: string;
    help?: ReactNode;
    secret?: boolean;
    placeholder?: string | undefined;
    numeric?: boolean;
  },
) {
  const { field, label, help, secret, placeholder, numeric, bind, errorOf } = props;
  return (
    <Field label={label} help={help} error={errorOf(field)}>
      {(control) => (
        <Input
          {...control}
          {...bind(field)}
          {...(secret ? hidden : { autoComplete: 'off', spellCheck: false })}
          {...(numeric ? { inputMode: 'numeric' as const } : {})}
          placeholder={placeholder}
        />
      )}
    </Field>
  );
}

function MailFields({ channel, ...shared }: KindFieldsProps) {
  const { bind } = shared;
  const stored = channel?.settings.kind === 'email' && channel.settings.hasPassword;
  return (
    <>
      <Text
        {...shared}
        field="to"
        label="To"
        help="Up to 50 addresses, with commas between them."
        placeholder="ops@example.com"
      />
      <Text {...shared} field="from" label="From" placeholder="Wheelhouse <ops@example.com>" />
      <div className="grid grid-cols-[1fr_96px] gap-3">
        <Text {...shared} field="host" label="Mail server" placeholder="mail.example.com" />
        <Text {...shared} field="port" label="Port" placeholder="587" numeric />
      </div>
      <Field label="Encryption">
        {(control) => (
          <Select {...control} {...bind('secure')}>
            {securities.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Text {...shared} field="username" label="User name" help="Empty: without signing in." />
      <Text
        {...shared}
        field="password"
        label="Password"
        secret
        help={stored ? 'Stored; leave empty to keep it.' : undefined}
      />
    </>
  );
}

/** The settings of one kind. What is secret is never shown; left empty it stays. */
export function KindFields(props: KindFieldsProps) {
  const { values, channel, bind, errorOf } = props;
  const shared = { bind, errorOf };
  const shownUrl = channel && channel.settings.kind !== 'email' ? channel.settings.url : undefined;
  const keep = channel ? `Now ${shownUrl ?? ''}; leave empty to keep it.` : undefined;
  switch (values.kind) {
    case 'slack':
      return (
        <Text
          {...shared}
          field="url"
          label="Webhook URL"
          secret={channel !== null}
          help={keep ?? 'From the incoming webhook of a Slack app.'}
          placeholder={channel ? undefined : 'https://hooks.slack.com/services/…'}
        />
      );
    case 'pagerduty':
      return (
        <Text
          {...shared}
          field="routingKey"
          label="Integration key"
          secret
          help={
            channel
              ? 'Stored; leave empty to keep it. Open incidents are still resolved with the old one.'
              : 'Of a service with the integration Events API v2; 32 letters and digits.'
          }
        />
      );
    case 'webhook':
      return (
        <>
          <Text
            {...shared}
            field="url"
            label="URL"
            help={keep ?? 'Gets CloudEvents 1.0 as JSON, signed.'}
            placeholder={channel ? undefined : 'https://example.com/hooks/wheelhouse'}
          />
          <Text
            {...shared}
            field="secret"
            label="Signing secret"
            secret
            help={
              channel
                ? 'Stored; leave empty to keep it.'
                : 'Leave empty, and one is made and shown once.'
            }
          />
        </>
      );
    case 'email':
      return <MailFields {...props} />;
  }
}
