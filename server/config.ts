/**
 * The configuration: one Zod schema, read once at start, the only reader of `process.env`.
 * All mistakes are reported together, each with the variable's name, what was found and what is accepted.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import path from 'node:path';
import { z } from 'zod';
import { roleSchema } from './api/contract.ts';
import { scrub } from './platform/log.ts';
import { makeFolder } from './platform/make-folder.ts';
import { PlainError } from './platform/plain-error.ts';
import type { SettingItem } from './system/contract.ts';

type Meta = { group: string; description: string; accepts: string; secret?: true };

function variable<T extends z.ZodType>(schema: T, meta: Meta): T {
  return schema.meta(meta);
}

const urlWith = (...protocols: string[]) =>
  z.string().refine((value) => {
    try {
      return protocols.includes(new URL(value).protocol.replace(':', ''));
    } catch {
      return false;
    }
  });
const whole = (min: number, max: number) =>
  z.string().regex(/^\d+$/).transform(Number).pipe(z.number().int().min(min).max(max));
const list = (item: (value: string) => boolean) =>
  z
    .string()
    .transform((value) =>
      value
        .split(',')
        .map((part) => part.trim())
        .filter(Boolean),
    )
    .refine((parts) => parts.every(item));
const isCidr = (value: string) => {
  const [address = '', bits, ...rest] = value.split('/');
  const family = isIP(address);
  return (
    family !== 0 &&
    rest.length === 0 &&
    (bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)))
  );
};
const isOrigin = (value: string) => {
  try {
    return new URL(value).origin === value;
  } catch {
    return false;
  }
};

const isHostPort = (value: string) => /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/.test(value);

const commandSchema = z.strictObject({
  /** Program and arguments; no shell reads them. */
  run: z.array(z.string().max(4_000)).min(1).max(100),
  timeoutSeconds: z.number().int().min(1).max(600).default(30),
  cwd: z.string().optional(),
});
/** A program that remedies may run, by its name in `commands` of the config file. */
export type NamedCommand = z.output<typeof commandSchema>;
const commandsSchema = z.record(z.string().regex(/^[A-Za-z0-9._-]{1,100}$/), commandSchema);

const variables = {
  HOST: variable(
    z
      .string()
      .min(1)
      .max(255)
      .regex(/^[A-Za-z0-9.:_-]+$/)
      .default('127.0.0.1'),
    {
      group: 'Server',
      description: 'Address that the console listens on.',
      accepts: 'a host name or an IP address, e.g. 0.0.0.0',
    },
  ),
  PORT: variable(whole(0, 65535).default(3000), {
    group: 'Server',
    description: 'Port that the console listens on; 0 takes a free one.',
    accepts: 'a whole number from 0 to 65535',
  }),
  ROLE: variable(z.enum(['web', 'worker', 'all']).default('all'), {
    group: 'Server',
    description: 'What this process does: answer HTTP, run jobs, or both.',
    accepts: 'web, worker or all',
  }),
  WHEELHOUSE_PUBLIC_URL: variable(
    urlWith('http', 'https')
      .transform((value) => value.replace(/\/+$/, ''))
      .optional(),
    {
      group: 'Server',
      description:
        'Address that people use. https switches on secure cookies, HSTS and the redirect from http.',
      accepts: 'an http or https URL, e.g. https://ops.example.com',
    },
  ),
  WHEELHOUSE_TRUSTED_PROXIES: variable(list(isCidr).optional(), {
    group: 'Server',
    description: 'Proxies whose X-Forwarded-* headers are believed.',
    accepts: 'IP addresses or CIDR ranges separated by commas, e.g. 10.0.0.0/8',
  }),
  WHEELHOUSE_ALLOWED_ORIGINS: variable(list(isOrigin).optional(), {
    group: 'Server',
    description: 'Other web origins that may call the API from a browser (CORS). None by default.',
    accepts: 'origins separated by commas, e.g. https://portal.example.com',
  }),
  WHEELHOUSE_OUTGOING_REFUSED: variable(list(isCidr).optional(), {
    group: 'Server',
    description:
      'Networks that targets, channels, sources and webhooks may not lead to, besides link-local and cloud metadata addresses. Looked at when connecting, after DNS.',
    accepts: 'IP addresses or CIDR ranges separated by commas, e.g. 10.0.0.0/8',
  }),
  WHEELHOUSE_OUTGOING_ALLOWED: variable(list(isCidr).optional(), {
    group: 'Server',
    description:
      'Networks that may be connected to although they are link-local. What WHEELHOUSE_OUTGOING_REFUSED names stays refused.',
    accepts: 'IP addresses or CIDR ranges separated by commas, e.g. fe80::/10',
  }),
  WHEELHOUSE_BODY_LIMIT_BYTES: variable(whole(1024, 64 * 1024 * 1024).default(1024 * 1024), {
    group: 'Server',
    description: 'Largest accepted request body.',
    accepts: 'a whole number of bytes from 1024 to 67108864',
  }),
  WHEELHOUSE_METRIC_SERIES_MAX: variable(whole(10, 1_000_000).default(10_000), {
    group: 'Metrics',
    description: 'Most series of one metric within an hour; more are refused with a reason.',
    accepts: 'a whole number from 10 to 1000000',
  }),
  WHEELHOUSE_SERIES_MAX: variable(whole(100, 5_000_000).default(200_000), {
    group: 'Metrics',
    description: 'Most series of all metrics within an hour, of one process.',
    accepts: 'a whole number from 100 to 5000000',
  }),
  WHEELHOUSE_UPLOAD_MAX_BYTES: variable(
    whole(1024, 64 * 1024 * 1024 * 1024).default(2 * 1024 * 1024 * 1024),
    {
      group: 'Models',
      description:
        'Largest file that may be uploaded as a reference. Files that wait take at most twice as much of the data folder.',
      accepts: 'a whole number of bytes from 1024 to 68719476736',
    },
  ),
  WHEELHOUSE_LIMIT_ADDRESS: variable(whole(10, 6_000_000).default(100), {
    group: 'Limits',
    description: 'Requests a minute of one address without good credentials.',
    accepts: 'a whole number from 10 to 6000000',
  }),
  WHEELHOUSE_LIMIT_KEY: variable(whole(10, 6_000_000).default(100), {
    group: 'Limits',
    description: 'Calls a minute of one API key that has no limit of its own.',
    accepts: 'a whole number from 10 to 6000000',
  }),
  WHEELHOUSE_LIMIT_SESSION: variable(whole(300, 6_000_000).default(3_000), {
    group: 'Limits',
    description: 'Calls a minute of one person who signed in, over all of their pages.',
    accepts: 'a whole number from 300 to 6000000',
  }),
  WHEELHOUSE_LIMIT_OVERALL: variable(whole(10, 6_000_000).default(1_000), {
    group: 'Limits',
    description:
      'Calls a minute of all API keys without a limit of their own together, and of all that have no credentials.',
    accepts: 'a whole number from 10 to 6000000',
  }),
  WHEELHOUSE_LIMIT_INGEST: variable(whole(10, 6_000_000).default(60_000), {
    group: 'Limits',
    description: 'Requests a minute by which one API key may send samples, spans and logs.',
    accepts: 'a whole number from 10 to 6000000',
  }),
  WHEELHOUSE_DRAIN_SECONDS: variable(whole(0, 300).default(10), {
    group: 'Server',
    description: 'How long open requests may go on after SIGTERM.',
    accepts: 'a whole number of seconds from 0 to 300',
  }),
  WHEELHOUSE_DATA_DIR: variable(z.string().min(1).default('.wheelhouse'), {
    group: 'Storage',
    description: 'Folder of the embedded database, the generated secret and the logs.',
    accepts: 'a path that this user may write',
  }),
  DATABASE_URL: variable(urlWith('postgres', 'postgresql').optional(), {
    group: 'Storage',
    description: 'PostgreSQL to use in place of the embedded one.',
    accepts: 'a postgresql:// URL, e.g. postgresql://user:password@host:5432/wheelhouse',
    secret: true,
  }),
  REDIS_URL: variable(urlWith('redis', 'rediss', 'redis+sentinel', 'redis+cluster').optional(), {
    group: 'Storage',
    description: 'Redis that replicas share state in. Without it the console works in-process.',
    accepts:
      'redis://, rediss://, redis+sentinel://host:26379,host2:26379/master-name or redis+cluster://host:6379,host2:6379',
    secret: true,
  }),
  WHEELHOUSE_SECRET: variable(z.string().min(32).max(512).optional(), {
    group: 'Security',
    description:
      'Root of all encryption and session signing; generated into the data folder when absent.',
    accepts: 'at least 32 characters',
    secret: true,
  }),
  WHEELHOUSE_ENVIRONMENT: variable(
    z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$/)
      .default('production'),
    {
      group: 'Security',
      description: 'What this installation is; policies may depend on it.',
      accepts: 'up to 60 letters, digits, dots, hyphens and underscores, e.g. staging',
    },
  ),
  WHEELHOUSE_SESSION_DAYS: variable(whole(1, 90).default(7), {
    group: 'Security',
    description: 'How long a sign-in lasts.',
    accepts: 'a whole number of days from 1 to 90',
  }),
  WHEELHOUSE_INIT_ADMIN_EMAIL: variable(z.email().optional(), {
    group: 'Security',
    description: 'First admin, created when there is no account yet.',
    accepts: 'an e-mail address',
  }),
  WHEELHOUSE_INIT_ADMIN_PASSWORD: variable(z.string().min(12).max(200).optional(), {
    group: 'Security',
    description: 'Password of the first admin.',
    accepts: '12 to 200 characters',
    secret: true,
  }),
  WHEELHOUSE_OIDC_ISSUER: variable(
    urlWith('http', 'https')
      .transform((value) => value.replace(/\/+$/, ''))
      .optional(),
    {
      group: 'Sign-in with OpenID Connect',
      description: 'Issuer of the identity provider; its discovery document is read from there.',
      accepts: 'an http or https URL',
    },
  ),
  WHEELHOUSE_OIDC_CLIENT_ID: variable(z.string().min(1).optional(), {
    group: 'Sign-in with OpenID Connect',
    description: 'Client id at the identity provider.',
    accepts: 'a text that is not empty',
  }),
  WHEELHOUSE_OIDC_CLIENT_SECRET: variable(z.string().min(1).optional(), {
    group: 'Sign-in with OpenID Connect',
    description: 'Client secret at the identity provider.',
    accepts: 'a text that is not empty',
    secret: true,
  }),
  WHEELHOUSE_OIDC_NAME: variable(z.string().min(1).max(40).default('OpenID Connect'), {
    group: 'Sign-in with OpenID Connect',
    description: 'Name on the sign-in button.',
    accepts: '1 to 40 characters',
  }),
  WHEELHOUSE_OIDC_DEFAULT_ROLE: variable(roleSchema.optional(), {
    group: 'Sign-in with OpenID Connect',
    description:
      'Role of people who arrive without an invitation. Unset: only invited people may sign in.',
    accepts: 'viewer, operator or admin',
  }),
  WHEELHOUSE_REMEDIES_MAX: variable(whole(1, 100).default(3), {
    group: 'Health',
    description: 'Remedies that may run at the same time in the whole fleet.',
    accepts: 'a whole number from 1 to 100',
  }),
  WHEELHOUSE_CHECK_CONCURRENCY: variable(whole(1, 5_000).default(256), {
    group: 'Health',
    description: 'Checks that may run at the same time in one process.',
    accepts: 'a whole number from 1 to 5000',
  }),
  WHEELHOUSE_CONNECTIVITY_TARGETS: variable(list(isHostPort).optional(), {
    group: 'Health',
    description:
      'Ports that tell whether the console itself is online. When none accepts a connection, nothing is called down. Unset: judged by the checks of other hosts.',
    accepts: 'host:port pairs separated by commas, e.g. 192.0.2.1:443,gateway.example.com:53',
  }),
  WHEELHOUSE_MEMORY_RESTART: variable(z.enum(['on', 'off']).default('on'), {
    group: 'Health',
    description:
      'Whether the memory guard may restart a process of the console whose leak goes on and would fill its heap within a day; once an hour at most.',
    accepts: 'on or off',
  }),
  WHEELHOUSE_MEMORY_WINDOW_SECONDS: variable(whole(20, 86_400).default(3_600), {
    group: 'Health',
    description:
      "Time over which the console's own heap must grow by a tenth, and by WHEELHOUSE_MEMORY_GROWTH_MB, to be called a leak.",
    accepts: 'a whole number of seconds from 20 to 86400',
  }),
  WHEELHOUSE_MEMORY_GROWTH_MB: variable(whole(1, 100_000).default(20), {
    group: 'Health',
    description: 'Growth within that time that is too little to matter.',
    accepts: 'a whole number of MiB from 1 to 100000',
  }),
  WHEELHOUSE_DOCKER_SOCKET: variable(z.string().min(1).default('/var/run/docker.sock'), {
    group: 'Health',
    description: 'Socket of the Docker Engine, for remedies that restart a container.',
    accepts: 'a path',
  }),
  WHEELHOUSE_FLEET_URL: variable(
    urlWith('http', 'https')
      .transform((value) => value.replace(/\/+$/, ''))
      .optional(),
    {
      group: 'Demo',
      description:
        'Supervisor of the demo fleet that game days put faults into; set by `npm run demo`.',
      accepts: 'an http or https URL, e.g. http://127.0.0.1:4611',
    },
  ),
  WHEELHOUSE_FLEET_TOKEN: variable(z.string().min(16).max(512).optional(), {
    group: 'Demo',
    description: 'Token of that supervisor.',
    accepts: '16 to 512 characters',
    secret: true,
  }),
  LOG_LEVEL: variable(
    z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
    {
      group: 'Logs',
      description: 'Least severe level that is written.',
      accepts: 'fatal, error, warn, info, debug or trace',
    },
  ),
  LOG_OUTPUT: variable(z.enum(['file', 'stdout', 'both']).default('file'), {
    group: 'Logs',
    description:
      'Where JSON lines go: files in the data folder (rotated daily and at 20 MiB, 14 kept), standard output, or both.',
    accepts: 'file, stdout or both',
  }),
  WHEELHOUSE_CONFIG: variable(z.string().min(1).optional(), {
    group: 'Server',
    description:
      "Path of the server's own JSON config file. Any variable of this page may stand in it, and `commands`: programs that remedies may run.",
    accepts: 'the path of a JSON file with an object of variable names and values, and commands',
  }),
} as const;

type Variables = typeof variables;
export type VariableName = keyof Variables;
type Values = { [K in VariableName]: z.output<Variables[K]> };
type Source = SettingItem['source'];

export type Config = Readonly<Omit<Values, 'WHEELHOUSE_SECRET'>> & {
  /** Absolute path. */
  readonly dataDir: string;
  readonly secret: string;
  readonly dev: boolean;
  readonly commands: Readonly<Record<string, NamedCommand>>;
  readonly sources: Readonly<Record<VariableName, Source>>;
};

const names = Object.keys(variables).filter((name): name is VariableName => name in variables);

function metaOf(name: VariableName): Meta {
  // `variable()` is the only way into the table and always registers this shape.
  return variables[name].meta() as Meta;
}

type FileValues = { values: Record<string, unknown>; commands: Record<string, NamedCommand> };

function readFileValues(file: string | undefined, mistakes: string[]): FileValues {
  const nothing = { values: {}, commands: {} };
  if (!file) return nothing;
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    mistakes.push(
      `WHEELHOUSE_CONFIG: ${file} cannot be read as JSON (${error instanceof Error ? error.message : 'unknown error'}); accepted: ${metaOf('WHEELHOUSE_CONFIG').accepts}`,
    );
    return nothing;
  }
  let commands: Record<string, NamedCommand> = {};
  if (typeof parsed === 'object' && parsed !== null && 'commands' in parsed) {
    const { commands: given, ...rest } = parsed;
    const checked = commandsSchema.safeParse(given);
    if (checked.success) commands = checked.data;
    for (const issue of checked.error?.issues ?? []) {
      mistakes.push(
        `commands.${issue.path.join('.')} (in ${file}): ${issue.message}; accepted: names of letters, digits, dots and dashes, each with { "run": ["program", "argument"], "timeoutSeconds": 30, "cwd": "/path" }`,
      );
    }
    parsed = rest;
  }
  const object = z
    .record(z.string(), z.union([z.string(), z.number(), z.array(z.string())]))
    .safeParse(parsed);
  if (!object.success) {
    mistakes.push(
      `WHEELHOUSE_CONFIG: ${file} has the wrong shape; accepted: an object whose values are texts, numbers or lists of texts, and commands`,
    );
    return { values: {}, commands };
  }
  for (const name of Object.keys(parsed ?? {})) {
    if (!Object.hasOwn(variables, name)) {
      mistakes.push(`${name} (in ${file}): unknown variable; accepted: ${names.join(', ')}`);
    }
  }
  return { values: object.data, commands };
}

/**
 * Reads and checks everything. Throws one `PlainError` that lists all mistakes.
 * Creates the data folder and, when absent, the generated secret (mode 0600).
 */
export function loadConfig(
  env: Readonly<Record<string, string | undefined>>,
  options: { dev?: boolean; cwd?: string } = {},
): Config {
  const cwd = options.cwd ?? process.cwd();
  const mistakes: string[] = [];
  const { values: file, commands } = readFileValues(env.WHEELHOUSE_CONFIG, mistakes);
  const sources: Partial<Record<VariableName, Source>> = {};
  const values: Record<string, unknown> = {};
  for (const name of names) {
    const fromEnv = env[name] === '' ? undefined : env[name];
    const fromFile = file[name];
    const raw = fromEnv ?? (Array.isArray(fromFile) ? fromFile.join(',') : fromFile?.toString());
    sources[name] = fromEnv !== undefined ? 'environment' : raw !== undefined ? 'file' : 'default';
    const parsed = variables[name].safeParse(raw);
    if (parsed.success) {
      values[name] = parsed.data;
      continue;
    }
    const meta = metaOf(name);
    const found = meta.secret
      ? `a value of ${raw?.length ?? 0} characters`
      : scrub(JSON.stringify(raw) ?? '');
    mistakes.push(`${name}: found ${found}; accepted: ${meta.accepts}`);
  }
  // Every name was either parsed by its own schema or reported.
  const checked = values as Values;
  crossCheck(checked, mistakes);
  if (mistakes.length > 0) {
    throw new PlainError(
      `The configuration has ${mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`}:\n${mistakes.map((line) => `  ${line}`).join('\n')}`,
    );
  }
  const dataDir = path.resolve(cwd, checked.WHEELHOUSE_DATA_DIR);
  const { WHEELHOUSE_SECRET: given, ...rest } = checked;
  if (given === undefined) sources.WHEELHOUSE_SECRET = 'generated';
  return {
    ...rest,
    dataDir,
    secret: given ?? ensureSecret(dataDir),
    dev: options.dev ?? false,
    commands,
    sources: sources as Record<VariableName, Source>,
  };
}

function crossCheck(values: Partial<Values>, mistakes: string[]): void {
  const oidc = [
    'WHEELHOUSE_OIDC_ISSUER',
    'WHEELHOUSE_OIDC_CLIENT_ID',
    'WHEELHOUSE_OIDC_CLIENT_SECRET',
  ] as const;
  const missing = oidc.filter((name) => values[name] === undefined);
  if (missing.length > 0 && missing.length < oidc.length) {
    mistakes.push(
      `${missing.join(', ')}: unset; accepted: all three of ${oidc.join(', ')}, or none`,
    );
  }
  const pairs = [
    ['WHEELHOUSE_INIT_ADMIN_EMAIL', 'WHEELHOUSE_INIT_ADMIN_PASSWORD'],
    ['WHEELHOUSE_FLEET_URL', 'WHEELHOUSE_FLEET_TOKEN'],
  ] as const;
  for (const pair of pairs) {
    const unset = pair.filter((name) => values[name] === undefined);
    if (unset.length === 1) {
      mistakes.push(`${unset[0]}: unset; accepted: both of ${pair.join(' and ')}, or none`);
    }
  }
}

/** Makes the data folder usable, or says in one sentence why it is not. */
export function ensureDataDir(dataDir: string): void {
  try {
    // Others may pass through: the database below runs as a user of its own when the console runs as root.
    makeFolder(dataDir, 0o711);
    const probe = path.join(dataDir, `.write-${randomBytes(6).toString('hex')}`);
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new PlainError(
      `The data folder ${dataDir} cannot be written (${code}); make it writable or set WHEELHOUSE_DATA_DIR to another folder.`,
    );
  }
}

function ensureSecret(dataDir: string): string {
  ensureDataDir(dataDir);
  const file = path.join(dataDir, 'secret');
  if (!existsSync(file)) {
    // link() fails when another process was first, so that both end up with one secret, written whole.
    const draft = `${file}.${randomBytes(6).toString('hex')}`;
    writeFileSync(draft, `${randomBytes(32).toString('base64url')}\n`, {
      mode: 0o600,
      flush: true,
    });
    try {
      linkSync(draft, file);
    } catch (error) {
      if (!existsSync(file)) throw error;
    } finally {
      rmSync(draft, { force: true });
    }
  }
  chmodSync(file, 0o600);
  const secret = readFileSync(file, 'utf8').trim();
  if (secret.length < 32) {
    throw new PlainError(
      `The secret in ${file} has ${secret.length} characters, at least 32 are needed; restore it from a backup, since sessions and stored credentials depend on it.`,
    );
  }
  return secret;
}

/** The effective configuration for the settings page and `config check`; secrets are masked. */
export function describeConfig(config: Config): SettingItem[] {
  const defaults = z.object(variables).safeParse({});
  return names.map((name) => {
    const meta = metaOf(name);
    const value = name === 'WHEELHOUSE_SECRET' ? config.secret : config[name];
    const fallback = defaults.success ? defaults.data[name] : undefined;
    const text =
      value === undefined ? null : Array.isArray(value) ? value.join(', ') : String(value);
    return {
      name,
      group: meta.group,
      description: meta.description,
      accepts: meta.accepts,
      value: text !== null && meta.secret ? '••••••••' : text,
      defaultValue: fallback === undefined ? null : String(fallback),
      secret: meta.secret ?? false,
      source: config.sources[name],
    };
  });
}

/** Reads the process's own environment. */
export function configFromProcess(options: { dev?: boolean } = {}): Config {
  return loadConfig(process.env, options);
}

/**
 * Next.js and next-auth take these from the environment alone. With the configuration of the build at hand, Next
 * does not load and print its configuration file again.
 */
export function setFrameworkEnvironment(builtConfig: unknown): void {
  process.env.NEXT_TELEMETRY_DISABLED = '1';
  // The address is put into the forwarded headers by our own host, never by a client.
  process.env.AUTH_TRUST_HOST = '1';
  if (builtConfig !== null) {
    process.env.__NEXT_PRIVATE_STANDALONE_CONFIG = JSON.stringify(builtConfig);
  }
}
