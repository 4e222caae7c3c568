import { z } from 'zod';
import { idPageSchema, isPlainText } from '../api/contract.ts';

export const severities = ['critical', 'error', 'warning', 'info'] as const;
export const severitySchema = z.enum(severities);
export type Severity = (typeof severities)[number];

export const messageKinds = [
  'trigger',
  'update',
  'acknowledge',
  'escalate',
  'reminder',
  'approval',
  'resolve',
  'test',
  'rollup',
] as const;
export type MessageKind = (typeof messageKinds)[number];

/** What people are told, before it takes the form of a channel. */
export type NotifyMessage = {
  /** One event; queued at most once a channel. */
  key: string;
  kind: Exclude<MessageKind, 'rollup'>;
  /** Messages of one thread arrive in order; PagerDuty's `dedup_key` is made of it. Usually an incident's id. */
  thread: string;
  severity: Severity;
  title: string;
  /** A few sentences, plain text. */
  text: string;
  facts: { label: string; value: string }[];
  /** ISO-8601 UTC. */
  at: string;
  /** Path inside the console, e.g. `/incidents/detail?id=…`. */
  href: string;
};

export const channelKinds = ['slack', 'email', 'pagerduty', 'webhook'] as const;
export type ChannelKind = (typeof channelKinds)[number];
export const deliveryStatuses = [
  'pending',
  'sending',
  'delivered',
  'dead',
  'folded',
  'cancelled',
] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];
export const smtpSecurities = ['tls', 'starttls', 'none'] as const;
export const PAGERDUTY_URL = 'https://events.pagerduty.com/v2/enqueue';

const nameSchema = z
  .string('Enter a name')
  .trim()
  .min(1, 'Enter a name')
  .max(100, 'At most 100 characters')
  .refine(isPlainText, 'Control and invisible characters are not accepted');
const URL_MESSAGE = 'Enter a URL that starts with https:// or http://';
const urlSchema = z
  .string(URL_MESSAGE)
  .trim()
  .max(2_000, 'At most 2000 characters')
  .refine(isHttpUrl, URL_MESSAGE)
  .refine(
    (value) => !/^[a-z]+:\/\/[^/?#]*@/i.test(value),
    'Leave user name and password out of the URL',
  );
// Also names without a dot, such as ops@localhost, which relays inside a network know.
const ADDRESS = '[^\\s@<>"(),:;\\[\\]\\\\\\p{Cc}\\p{Cs}]{1,64}@[A-Za-z0-9._-]{1,255}';
const addressSchema = z
  .string('Enter an e-mail address such as ops@example.com')
  .trim()
  .max(254, 'At most 254 characters')
  .regex(new RegExp(`^${ADDRESS}$`, 'u'), 'Enter an e-mail address such as ops@example.com');
const fromSchema = z
  .string('Enter the address that mail comes from')
  .trim()
  .max(320, 'At most 320 characters')
  .regex(
    new RegExp(`^(?:${ADDRESS}|[^<>"\\p{Cc}\\p{Cs}]{1,100}<${ADDRESS}>)$`, 'u'),
    'Enter an address such as ops@example.com or Wheelhouse <ops@example.com>',
  );
const toSchema = z
  .array(addressSchema, 'Enter a list of e-mail addresses')
  .min(1, 'Enter at least one address')
  .max(50, 'At most 50 addresses');
const hostSchema = z
  .string('Enter the name of the mail server')
  .trim()
  .regex(/^[A-Za-z0-9._:-]{1,253}$/, 'Enter a host name or an IP address');
const portSchema = z
  .number('Enter a port from 1 to 65535')
  .int('Enter a port from 1 to 65535')
  .min(1, 'Enter a port from 1 to 65535')
  .max(65_535, 'Enter a port from 1 to 65535');
const credentialSchema = z
  .string()
  .min(1, 'Must not be empty')
  .max(1_000, 'At most 1000 characters')
  .refine(isPlainText, 'Control and invisible characters are not accepted');
const SMTP_MESSAGE = 'Enter a URL such as smtp://user:password@mail.example.com:587';
const smtpUrlSchema = z
  .string(SMTP_MESSAGE)
  .trim()
  .max(2_000, 'At most 2000 characters')
  .refine((value) => parseSmtpUrl(value) !== null, SMTP_MESSAGE);
const routingKeySchema = z
  .string('Enter the integration key')
  .trim()
  .regex(/^[A-Za-z0-9]{32}$/, 'An integration key has 32 letters and digits');
const signingSecretSchema = z
  .string()
  .trim()
  .min(16, 'At least 16 characters')
  .max(200, 'At most 200 characters')
  .regex(/^[\x21-\x7e]+$/, 'Letters, digits and signs without spaces')
  .refine(
    (value) => !value.startsWith('whsec_') || /^whsec_[A-Za-z0-9+/]{16,}={0,2}$/.test(value),
    'After whsec_ comes base64',
  );
const smtpSecuritySchema = z.enum(smtpSecurities, 'One of tls, starttls, none');

const basics = {
  name: nameSchema,
  enabled: z.boolean().default(true),
  /** Messages below it are not sent here. */
  minSeverity: severitySchema.default('warning'),
};
export const createChannelSchema = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('slack'), ...basics, url: urlSchema }),
    z
      .strictObject({
        kind: z.literal('email'),
        ...basics,
        to: toSchema,
        from: fromSchema,
        host: hostSchema.optional(),
        port: portSchema.optional(),
        /** Without it STARTTLS is used where the server offers it. */
        secure: smtpSecuritySchema.optional(),
        username: credentialSchema.optional(),
        password: credentialSchema.optional(),
        /** Instead of host, port, secure, username and password. */
        smtpUrl: smtpUrlSchema.optional(),
      })
      .refine(({ host, smtpUrl }) => host !== undefined || smtpUrl !== undefined, {
        path: ['host'],
        error: 'Enter the name of the mail server, or smtpUrl',
      })
      .refine(({ username, password }) => password === undefined || username !== undefined, {
        path: ['username'],
        error: 'Enter the user name that belongs to the password',
      }),
    z.strictObject({
      kind: z.literal('pagerduty'),
      ...basics,
      routingKey: routingKeySchema,
      url: urlSchema.default(PAGERDUTY_URL),
    }),
    z.strictObject({
      kind: z.literal('webhook'),
      ...basics,
      url: urlSchema,
      /** Made up, and shown once, when absent. */
      secret: signingSecretSchema.optional(),
    }),
  ],
  { error: `kind is one of ${channelKinds.join(', ')}` },
);
export type CreateChannelInput = z.output<typeof createChannelSchema>;

/** What is absent stays, secrets too. Settings of another kind than the channel's are refused. */
export const updateChannelSchema = z.strictObject({
  id: z.uuid(),
  name: nameSchema.optional(),
  enabled: z.boolean().optional(),
  minSeverity: severitySchema.optional(),
  url: urlSchema.optional(),
  to: toSchema.optional(),
  from: fromSchema.optional(),
  host: hostSchema.optional(),
  port: portSchema.optional(),
  secure: smtpSecuritySchema.nullish(),
  username: credentialSchema.nullish(),
  password: credentialSchema.nullish(),
  smtpUrl: smtpUrlSchema.optional(),
  routingKey: routingKeySchema.optional(),
  secret: signingSecretSchema.optional(),
});
export type UpdateChannelInput = z.output<typeof updateChannelSchema>;
export const notifyIdSchema = z.strictObject({ id: z.uuid() });
export const channelListSchema = idPageSchema;
export const deliveryListSchema = idPageSchema.extend({
  status: z.enum(deliveryStatuses).optional(),
  channelId: z.uuid().optional(),
});
export type DeliveryListInput = z.output<typeof deliveryListSchema>;

/** What may be seen of a channel's settings: never a token, a password or a key. */
export type ShownSettings =
  | { kind: 'slack'; url: string }
  | {
      kind: 'email';
      to: string[];
      from: string;
      host: string;
      port: number;
      secure: (typeof smtpSecurities)[number] | null;
      username: string | null;
      hasPassword: boolean;
    }
  | { kind: 'pagerduty'; url: string }
  | { kind: 'webhook'; url: string };

export type ChannelItem = {
  id: string;
  name: string;
  kind: ChannelKind;
  enabled: boolean;
  minSeverity: Severity;
  settings: ShownSettings;
  createdAt: string;
  lastDeliveryAt: string | null;
  /** Of the newest message that is not delivered. */
  lastError: string | null;
  /** Messages that were given up; tests do not count. */
  deadCount: number;
  pendingCount: number;
};
/** `secret` only when the console made one; it is shown this once. */
export type CreatedChannel = { id: string; secret?: string };
export type TestResult = {
  delivered: boolean;
  /** HTTP status or SMTP reply; null when there was no answer. */
  status: number | null;
  detail: string;
  tookMs: number;
};
export type DeliveryItem = {
  id: string;
  channelId: string;
  channelName: string;
  channelKind: ChannelKind;
  kind: MessageKind;
  severity: Severity;
  thread: string;
  title: string;
  text: string;
  facts: { label: string; value: string }[];
  status: DeliveryStatus;
  attempts: number;
  nextAttemptAt: string;
  lastError: string | null;
  lastStatus: number | null;
  /** A process ended while it was being sent, so the receiver may have it twice. */
  maybeTwice: boolean;
  /** The message that carries this one as a line. */
  foldedInto: string | null;
  createdAt: string;
  deliveredAt: string | null;
  href: string;
};

/** Not `URL.parse`, which browsers learned late. */
const parseUrl = (value: string): URL | null => (URL.canParse(value) ? new URL(value) : null);

function isHttpUrl(value: string): boolean {
  const url = parseUrl(value);
  return url !== null && /^https?:$/.test(url.protocol) && url.hostname !== '';
}

export type SmtpServer = {
  host: string;
  port: number;
  secure: (typeof smtpSecurities)[number] | null;
  username: string | null;
  password: string | null;
};

/** `smtp://` or `smtps://`; of nodemailer's options only `ignoreTLS` and `requireTLS`. Null when it is no such URL. */
export function parseSmtpUrl(value: string): SmtpServer | null {
  const url = parseUrl(value);
  if (!url || !/^smtps?:$/.test(url.protocol) || url.hostname === '') return null;
  const options = Object.fromEntries(url.searchParams);
  const known = Object.entries(options).every(
    ([key, on]) => (key === 'ignoreTLS' || key === 'requireTLS') && /^(true|false)$/.test(on),
  );
  if (!known || (url.pathname !== '' && url.pathname !== '/')) return null;
  const tls = url.protocol === 'smtps:';
  const secure = tls
    ? 'tls'
    : options.requireTLS === 'true'
      ? 'starttls'
      : options.ignoreTLS === 'true'
        ? 'none'
        : null;
  try {
    return {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port ? Number(url.port) : tls ? 465 : 587,
      secure,
      username: url.username ? decodeURIComponent(url.username) : null,
      password: url.password ? decodeURIComponent(url.password) : null,
    };
  } catch {
    return null;
  }
}
