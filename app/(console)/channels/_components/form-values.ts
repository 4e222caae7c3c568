/** What the form holds, and how it becomes the input of the API. Pure; comes with the dialog, not with the page. */
import {
  type ChannelItem,
  type ChannelKind,
  type CreateChannelInput,
  createChannelSchema,
  type Severity,
  type UpdateChannelInput,
  updateChannelSchema,
} from '../../../../server/notify/contract.ts';

export type Values = {
  kind: ChannelKind;
  name: string;
  minSeverity: Severity;
  url: string;
  to: string;
  from: string;
  host: string;
  port: string;
  secure: string;
  username: string;
  password: string;
  routingKey: string;
  secret: string;
};
type Faults = Partial<Record<string, string>>;
type Checked<T> = { input: T | null; faults: Faults };

export function valuesOf(channel: ChannelItem | null): Values {
  const settings = channel?.settings;
  const mail = settings?.kind === 'email' ? settings : null;
  return {
    kind: channel?.kind ?? 'slack',
    name: channel?.name ?? '',
    minSeverity: channel?.minSeverity ?? 'warning',
    url: '',
    to: mail?.to.join(', ') ?? '',
    from: mail?.from ?? '',
    host: mail?.host ?? '',
    port: mail ? String(mail.port) : '',
    secure: mail?.secure ?? '',
    username: mail?.username ?? '',
    password: '',
    routingKey: '',
    secret: '',
  };
}

const fieldsOf: Record<ChannelKind, readonly (keyof Values)[]> = {
  slack: ['url'],
  email: ['to', 'from', 'host', 'port', 'secure', 'username', 'password'],
  pagerduty: ['routingKey', 'url'],
  webhook: ['url', 'secret'],
};

const wireOf = (field: keyof Values, text: string): unknown => {
  if (field === 'to') return text.split(/[\s,;]+/).filter(Boolean);
  if (field === 'port') return Number(text);
  return text;
};

/** What is not filled in is left out: the server has a default, or keeps what it has. */
function settingsOf(values: Values, before: Values | null): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const field of fieldsOf[values.kind]) {
    const text = values[field].trim();
    if (before && text === before[field]) continue;
    if (text !== '') given[field] = wireOf(field, text);
    // Emptied: no user name, or no rule about encryption, any more.
    else if (before && (field === 'username' || field === 'secure')) given[field] = null;
    else if (before && (field === 'to' || field === 'from' || field === 'host')) given[field] = '';
  }
  return given;
}

function faultsOf(issues: readonly { path: PropertyKey[]; message: string }[]): Faults {
  const faults: Faults = {};
  for (const { path, message } of issues) faults[String(path[0] ?? '')] ??= message;
  return faults;
}

/** Checked as the server will check it. */
export function checkNew(values: Values): Checked<CreateChannelInput> {
  const { kind, name, minSeverity } = values;
  const parsed = createChannelSchema.safeParse({
    kind,
    name,
    minSeverity,
    ...settingsOf(values, null),
  });
  return parsed.success
    ? { input: parsed.data, faults: {} }
    : { input: null, faults: faultsOf(parsed.error.issues) };
}

export function checkChange(values: Values, channel: ChannelItem): Checked<UpdateChannelInput> {
  const { name, minSeverity } = values;
  const parsed = updateChannelSchema.safeParse({
    id: channel.id,
    name,
    minSeverity,
    ...settingsOf(values, valuesOf(channel)),
  });
  return parsed.success
    ? { input: parsed.data, faults: {} }
    : { input: null, faults: faultsOf(parsed.error.issues) };
}
