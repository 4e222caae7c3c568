/** The commands. Each checks its input with the schema that the API uses. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { unknownScopes } from '../api/scopes.ts';
import { auditExportSchema } from '../audit/contract.ts';
import { verifyChain } from '../audit/index.ts';
import { describeConfig } from '../config.ts';
import {
  type KeyItem,
  keyCreateSchema,
  keyRevokeSchema,
  keyRotateSchema,
} from '../keys/contract.ts';
import { GENESIS } from '../platform/audit.ts';
import { PlainError } from '../platform/plain-error.ts';
import { createWorkers } from '../platform/workers/index.ts';
import { createStatements } from '../queries/index.ts';
import { emailSchema, nameSchema, passwordSchema } from '../users/contract.ts';
import { checkConfig } from './check-config.ts';
import { evaluateAnomaly } from './evaluate.ts';
import { evaluateBreaker } from './evaluate-breaker.ts';
import { evaluateDrift } from './evaluate-drift.ts';
import { evaluateForecast } from './evaluate-forecast.ts';
import { evaluateQueries } from './evaluate-queries.ts';
import type { Answer, Command } from './parse.ts';
import { cliAuthority, openConfig, withRuntime } from './session.ts';

/** Checks options against a schema and names the option that is wrong. */
function check<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new PlainError(
    result.error.issues
      .map((issue) => `--${issue.path.map(String).join('.')}: ${issue.message}`)
      .join('\n'),
  );
}

/** An option that is empty, as from a variable that was not set, is no 0: it would end a version at once. */
function wholeNumber(name: string, value: string | boolean | undefined): number {
  if (typeof value === 'string' && /^\d{1,9}$/.test(value)) return Number(value);
  throw new PlainError(`--${name}: "${value}" is not a whole number.`);
}

const adminCreate: Command = {
  words: ['admin', 'create'],
  summary: 'Create an account with the role admin.',
  options: { email: 'e-mail address!', password: 'at least 12 characters!', name: 'display name' },
  async run(options) {
    const schema = z.object({
      email: emailSchema,
      password: passwordSchema,
      name: nameSchema.default('Administrator'),
    });
    const input = check(schema, options);
    await withRuntime(({ users }) =>
      users.createAdmin(cliAuthority, { ...input, onlyFirst: false }),
    );
    return { text: `Created the admin ${input.email}.`, data: { email: input.email }, ok: true };
  },
};

const keysCreate: Command = {
  words: ['keys', 'create'],
  summary: 'Create an API key; it is shown this once.',
  options: {
    name: 'what the key is for!',
    role: 'viewer (default), operator or admin',
    scopes: 'separated by commas, e.g. metrics:read,ingest',
  },
  async run(options) {
    const scopes =
      typeof options.scopes === 'string' ? options.scopes.split(',').filter(Boolean) : undefined;
    const input = check(keyCreateSchema, { name: options.name, role: options.role, scopes });
    const created = await withRuntime(({ keys, router }) => {
      const [unknown] = unknownScopes(input.scopes, Object.keys(router._def.procedures));
      if (unknown !== undefined)
        throw new PlainError(`--scopes: no procedure is called ${unknown}.`);
      return keys.create(cliAuthority, input);
    });
    return {
      text: `${created.key}\nStore it now: only its hash is kept.`,
      data: created,
      ok: true,
    };
  },
};

const keysList: Command = {
  words: ['keys', 'list'],
  summary: 'List API keys: state, versions, last use.',
  options: {},
  async run() {
    const items: KeyItem[] = [];
    await withRuntime(async ({ keys }) => {
      let cursor: string | null = null;
      do {
        const page = await keys.list({ limit: 200, cursor, state: 'all' });
        items.push(...page.items);
        cursor = page.nextCursor;
      } while (cursor !== null);
    });
    const lines = items.map((item) => {
      const live = item.versions.filter(({ state }) => state !== 'ended');
      const versions = live.map(({ version }) => `v${version}`).join('+') || '-';
      const used = item.lastUsedAt ?? 'never used';
      return `${item.id}  ${item.state.padEnd(8)} ${item.role.padEnd(8)} ${versions.padEnd(6)} ${used.padEnd(24)}  ${item.name}`;
    });
    return { text: lines.join('\n') || 'There is no key.', data: items, ok: true };
  },
};

const keysRotate: Command = {
  words: ['keys', 'rotate'],
  summary: 'Make a new version of an API key; it is shown this once.',
  options: { id: 'id of the key!', grace: 'days that the old version is still accepted (7)' },
  async run(options) {
    const { grace } = options;
    const input = check(keyRotateSchema, {
      id: options.id,
      ...(grace === undefined ? {} : { graceDays: wholeNumber('grace', grace) }),
    });
    const made = await withRuntime(({ keys }) => keys.rotate(cliAuthority, input));
    return {
      text: `${made.key}\nVersion ${made.version}. Store it now: only its hash is kept.`,
      data: made,
      ok: true,
    };
  },
};

const keysRevoke: Command = {
  words: ['keys', 'revoke'],
  summary: 'Revoke an API key, or end one version of it.',
  options: { id: 'id of the key!', version: 'the version to end', reason: 'for the audit log' },
  async run(options) {
    const { id, version, reason } = options;
    const input = check(keyRevokeSchema, {
      id,
      ...(version === undefined ? {} : { version: wholeNumber('version', version) }),
      ...(reason === undefined ? {} : { reason }),
    });
    await withRuntime(({ keys }) => keys.revoke(cliAuthority, input));
    const what =
      input.version === undefined ? 'The key is revoked' : `Version ${version} has ended`;
    return { text: `${what}; every replica refuses it within a second.`, data: input, ok: true };
  },
};

const configCheck: Command = {
  words: ['config', 'check'],
  summary: 'Check the configuration and reach what it names.',
  options: {},
  async run() {
    const config = openConfig();
    const checks = await checkConfig(config);
    const ok = checks.every((entry) => entry.status !== 'failed');
    const lines = checks.map(
      ({ name, status, detail }) => `${status.padEnd(7)} ${name}: ${detail}`,
    );
    return {
      text: [...lines, ok ? 'The configuration is good.' : 'The configuration has faults.'].join(
        '\n',
      ),
      data: { ok, checks, settings: describeConfig(config) },
      ok,
    };
  },
};

const auditVerify: Command = {
  words: ['audit', 'verify'],
  summary: 'Prove that no entry of the audit log was changed, added or removed.',
  options: { file: 'an export made by "audit export"; needs no database' },
  async run(options) {
    if (typeof options.file === 'string') return verifyFile(options.file);
    const result = await withRuntime(({ auditReader }) =>
      auditReader.verify(new AbortController().signal),
    );
    const text = result.ok
      ? `The chain is whole: ${result.checked} entries, head ${result.head ?? '(empty)'}.`
      : `The chain is broken after ${result.checked} entries. ${result.reason}`;
    return { text, data: result, ok: result.ok };
  },
};

async function verifyFile(file: string): Promise<Answer> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter(Boolean);
  const entries = lines.map((line, index) => {
    try {
      return auditExportSchema.parse(JSON.parse(line));
    } catch {
      throw new PlainError(`${file}, line ${index + 1}: this is no audit entry.`);
    }
  });
  const result = verifyChain({ seq: 0, hash: GENESIS.toString('hex') }, entries);
  const text = result.ok
    ? `The chain is whole: ${result.state.seq} entries, head ${result.state.hash}.`
    : `The chain is broken. ${result.reason}`;
  return { text, data: result, ok: result.ok };
}

const auditExport: Command = {
  words: ['audit', 'export'],
  summary: 'Print the audit log as JSON lines, for "audit verify --file".',
  options: {},
  async run() {
    const lines = await withRuntime(async ({ auditReader }) => {
      const all: string[] = [];
      for await (const entry of auditReader.stored()) all.push(JSON.stringify(entry));
      return all;
    });
    return { text: lines.join('\n'), data: null, ok: true };
  },
};

const evaluateAnomalyCommand: Command = {
  words: ['evaluate', 'anomaly'],
  argument: 'FILE',
  summary: 'Score each row of a CSV file (timestamp,value or series,timestamp,value) from 0 to 1.',
  options: {},
  async run({ FILE: file }) {
    return { text: '', data: null, ok: true, pieces: evaluateAnomaly(String(file)) };
  },
};

const evaluateBreakerCommand: Command = {
  words: ['evaluate', 'breaker'],
  argument: 'FILE',
  summary:
    'Replay a time line (breaker-case/1) on breakers and tell state and result of each event.',
  options: {},
  async run({ FILE: file }) {
    return { text: '', data: null, ok: true, pieces: evaluateBreaker(String(file)) };
  },
};

const evaluateDriftCommand: Command = {
  words: ['evaluate', 'drift'],
  argument: 'FILE',
  summary: 'Compare the two samples of each feature in a JSON or JSONL file of cases.',
  options: {},
  async run({ FILE: file }) {
    return { text: '', data: null, ok: true, pieces: evaluateDrift(String(file)) };
  },
};

const evaluateForecastCommand: Command = {
  words: ['evaluate', 'forecast'],
  argument: 'FILE',
  summary: 'Forecast each series of a JSON or JSONL file of cases.',
  options: {},
  async run({ FILE: file }) {
    return { text: '', data: null, ok: true, pieces: evaluateForecast(String(file)) };
  },
};

const evaluateQueriesCommand: Command = {
  words: ['evaluate', 'queries'],
  argument: 'FILE',
  summary: 'Build a case (slow-query-case/1) in an empty database and print the advice for it.',
  options: { database: 'URL of an empty PostgreSQL database that it may fill!' },
  async run({ FILE: file, database }) {
    const workers = createWorkers({ maxThreads: 1 });
    const { read } = createStatements({ workers });
    const answer = await evaluateQueries(String(file), String(database), read).finally(() =>
      workers.close(),
    );
    return { text: JSON.stringify(answer, null, 1), data: answer, ok: true };
  },
};

export const commands: readonly Command[] = [
  adminCreate,
  keysCreate,
  keysList,
  keysRotate,
  keysRevoke,
  configCheck,
  auditVerify,
  auditExport,
  evaluateAnomalyCommand,
  evaluateBreakerCommand,
  evaluateDriftCommand,
  evaluateForecastCommand,
  evaluateQueriesCommand,
];

export function usage(): string {
  const lines = commands.flatMap((command) => [
    `  ${[...command.words, command.argument ?? ''].join(' ').trimEnd()}`,
    `      ${command.summary}`,
    ...Object.entries(command.options).map(
      ([name, takes]) =>
        `      --${name}  ${takes.replace(/!$/, '')}${takes.endsWith('!') ? ' (required)' : ''}`,
    ),
  ]);
  return ['Usage: npm run -s cli -- COMMAND [OPTIONS] [--json]', '', ...lines].join('\n');
}
