/** A channel's settings: from input, changed by a patch, and what of them may be seen. Pure. */
import {
  type CreateChannelInput,
  parseSmtpUrl,
  type ShownSettings,
  type SmtpServer,
  type UpdateChannelInput,
} from './contract.ts';

export type SlackSettings = { kind: 'slack'; url: string };
export type EmailSettings = { kind: 'email'; to: string[]; from: string } & SmtpServer;
export type PagerDutySettings = { kind: 'pagerduty'; routingKey: string; url: string };
export type WebhookSettings = { kind: 'webhook'; url: string; secret: string };
/** As they are sealed in the database. */
export type Settings = SlackSettings | EmailSettings | PagerDutySettings | WebhookSettings;
export type SettingFault = { path: string; message: string };

const defaultPort = (secure: SmtpServer['secure']) => (secure === 'tls' ? 465 : 587);

/** `newSecret` is called when a webhook comes without its own. */
export function settingsOf(input: CreateChannelInput, newSecret: () => string): Settings {
  switch (input.kind) {
    case 'slack':
      return { kind: 'slack', url: input.url };
    case 'pagerduty':
      return { kind: 'pagerduty', routingKey: input.routingKey, url: input.url };
    case 'webhook':
      return { kind: 'webhook', url: input.url, secret: input.secret ?? newSecret() };
    case 'email': {
      const { to, from } = input;
      const secure = input.secure ?? (input.port === 465 ? 'tls' : null);
      const server = (input.smtpUrl ? parseSmtpUrl(input.smtpUrl) : null) ?? {
        host: input.host ?? '',
        port: input.port ?? defaultPort(secure),
        secure,
        username: input.username ?? null,
        password: input.password ?? null,
      };
      return { kind: 'email', to, from, ...server };
    }
  }
}

const accepted: Record<Settings['kind'], readonly (keyof UpdateChannelInput)[]> = {
  slack: ['url'],
  email: ['to', 'from', 'host', 'port', 'secure', 'username', 'password', 'smtpUrl'],
  pagerduty: ['routingKey', 'url'],
  webhook: ['url', 'secret'],
};
const general = new Set<string>(['id', 'name', 'enabled', 'minSeverity']);

/**
 * A secret never goes to a server that it was not given for: who moves a channel to another server gives its
 * password or key again.
 */
export function patchSettings(
  current: Settings,
  patch: UpdateChannelInput,
): { settings: Settings } | { faults: SettingFault[] } {
  const own = new Set<string>(accepted[current.kind]);
  const faults = Object.entries(patch)
    .filter(([path, value]) => value !== undefined && !general.has(path) && !own.has(path))
    .map(([path]) => ({ path, message: `A ${current.kind} channel has no such setting` }));
  if (faults.length > 0) return { faults };
  switch (current.kind) {
    case 'slack':
      return { settings: { ...current, url: patch.url ?? current.url } };
    case 'webhook':
      return {
        settings: {
          ...current,
          url: patch.url ?? current.url,
          secret: patch.secret ?? current.secret,
        },
      };
    case 'pagerduty': {
      const moved = patch.url !== undefined && originOf(patch.url) !== originOf(current.url);
      if (moved && patch.routingKey === undefined) {
        const message = 'Give the key again when the server changes';
        return { faults: [{ path: 'routingKey', message }] };
      }
      return {
        settings: {
          ...current,
          routingKey: patch.routingKey ?? current.routingKey,
          url: patch.url ?? current.url,
        },
      };
    }
    case 'email':
      return patchEmail(current, patch);
  }
}

function patchEmail(
  current: EmailSettings,
  patch: UpdateChannelInput,
): { settings: EmailSettings } | { faults: SettingFault[] } {
  const addresses = { to: patch.to ?? current.to, from: patch.from ?? current.from };
  const server = patch.smtpUrl ? parseSmtpUrl(patch.smtpUrl) : null;
  if (server) return { settings: { kind: 'email', ...addresses, ...server } };
  const host = patch.host ?? current.host;
  const username = patch.username === undefined ? current.username : patch.username;
  const moved = host !== current.host || (patch.port ?? current.port) !== current.port;
  if (moved && current.password !== null && username !== null && patch.password === undefined) {
    const message = 'Give the password again when the server changes';
    return { faults: [{ path: 'password', message }] };
  }
  const password = patch.password === undefined ? current.password : patch.password;
  return {
    settings: {
      kind: 'email',
      ...addresses,
      host,
      port: patch.port ?? current.port,
      secure: patch.secure === undefined ? current.secure : patch.secure,
      username,
      password: username === null ? null : password,
    },
  };
}

const originOf = (url: string) => URL.parse(url)?.origin;

/** Paths of incoming webhooks are secrets; their host is not. */
export function shownUrl(url: string): string {
  const parsed = URL.parse(url);
  if (!parsed) return '…';
  return parsed.pathname === '/' && parsed.search === '' ? parsed.host : `${parsed.host}/…`;
}

export function shownOf(settings: Settings): ShownSettings {
  switch (settings.kind) {
    case 'slack':
    case 'webhook':
    case 'pagerduty':
      return { kind: settings.kind, url: shownUrl(settings.url) };
    case 'email': {
      const { kind, to, from, host, port, secure, username, password } = settings;
      return { kind, to, from, host, port, secure, username, hasPassword: password !== null };
    }
  }
}

/** What may stand in no log, error or answer. */
export function secretsIn(settings: Settings): string[] {
  switch (settings.kind) {
    case 'slack':
      return [settings.url, URL.parse(settings.url)?.pathname ?? ''];
    case 'email':
      return settings.password === null ? [] : [settings.password];
    case 'pagerduty':
      return [settings.routingKey, settings.url];
    case 'webhook':
      return [settings.secret, settings.url, URL.parse(settings.url)?.pathname ?? ''];
  }
}

/** `text` without any of `secrets`. Short ones would hide words that say something. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret.length >= 6)
    .reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
}
