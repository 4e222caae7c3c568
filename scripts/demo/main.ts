/**
 * The demo under the pinned Node: the fleet, then the console that is told of it, then the targets. Started by
 * `scripts/demo.mjs`, with whom it ends; the console and the services end with it, in this order, so that the
 * console sees no outage while it closes.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { consoleFlags, root } from '../prepare.mjs';
import { type Fleet, startFleet } from './fleet.ts';
import { fillHistory } from './history.ts';
import { createClient, register } from './register.ts';

const EMAIL = 'demo@example.com';
/** The console ended on purpose, to be started again. */
const RESTART_EXIT_CODE = 75;
const run = promisify(execFile);
const say = (line: string) => process.stdout.write(`${line}\n`);

const dataDir = path.resolve(root, process.env.WHEELHOUSE_DATA_DIR || '.wheelhouse-demo');
const given = process.env.WHEELHOUSE_INIT_ADMIN_EMAIL || process.env.WHEELHOUSE_INIT_ADMIN_PASSWORD;
const password = randomBytes(12).toString('base64url');

let fleet: Fleet | undefined;
let consoleProcess: ChildProcess | undefined;
let stopping = false;

async function stop(exitCode: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  if (consoleProcess && consoleProcess.exitCode === null && consoleProcess.signalCode === null) {
    const ended = once(consoleProcess, 'exit');
    consoleProcess.kill('SIGTERM');
    await ended;
  }
  await fleet?.close();
  process.exit(exitCode);
}

function fail(error: unknown): void {
  if (!stopping) process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  stop(1);
}

/** Starts the console, passes on what it prints, and answers its address once it is ready. */
function startConsole(env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(process.execPath, [...consoleFlags, path.join(root, 'server/main.ts')], {
    cwd: root,
    env,
    stdio: ['inherit', 'pipe', 'inherit', 'ipc'],
  });
  consoleProcess = child;
  return new Promise((resolve, reject) => {
    if (child.stdout) {
      createInterface(child.stdout).on('line', (line) => {
        say(line);
        const url = /^ready (\S+)$/.exec(line)?.[1];
        if (url) resolve(url);
      });
    }
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code === RESTART_EXIT_CODE && !stopping) {
        say('the console restarts itself');
        startConsole(env).catch(fail);
        return;
      }
      reject(new Error(`the console ended with exit code ${code}`));
      stop(code || 1);
    });
  });
}

const keys = {
  /** Registers the fleet. */
  'demo-key': { name: 'demo', options: ['--role', 'admin'], probe: 'health.targets.list' },
  /** For the services, which report their heap and share breakers. */
  'demo-service-key': {
    name: 'demo services',
    options: ['--role', 'operator', '--scopes', 'ingest'],
    probe: 'breakers.list',
  },
} as const;

/** The key of an earlier start while it counts, else a new one. */
async function obtainKey(
  kept: keyof typeof keys,
  consoleUrl: string,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const file = path.join(dataDir, kept);
  const { name, options, probe } = keys[kept];
  try {
    const key = readFileSync(file, 'utf8').trim();
    await createClient(consoleUrl, key).query(probe, { limit: 1 });
    return key;
  } catch {
    // None yet, or one of another database.
  }
  const cli = ['keys', 'create', '--name', name, ...options, '--json'];
  const { stdout } = await run(process.execPath, [path.join(root, 'server/cli/main.ts'), ...cli], {
    cwd: root,
    env,
  });
  const { key }: { key: string } = JSON.parse(stdout);
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
  return key;
}

/** The password is said in the one start that made the account. */
async function isNewAccount(consoleUrl: string, key: string, since: number): Promise<boolean> {
  if (given) return false;
  type Users = { items: { email: string; createdAt: string }[] };
  const { items } = await createClient(consoleUrl, key).query<Users>('users.list', { q: EMAIL });
  return items.some(({ email, createdAt }) => email === EMAIL && Date.parse(createdAt) >= since);
}

function describe(url: string, { url: supervisor, token, services }: Fleet): string {
  const names = services().map(({ name }) => name);
  return [
    '',
    `  watched: ${names.join(', ')} (${url}/health)`,
    '',
    '  Kill a service and watch the console bring it back within half a minute:',
    `    curl -X POST ${supervisor}/faults -H 'authorization: Bearer ${token}' -d '{"service":"payments","fault":"kill"}'`,
    '  Other faults: hang, latency, errors, leak, body; none takes a fault away.',
    `  Give the model other orders than it has learned, and see ${url}/drift within two minutes:`,
    `    curl -X POST ${supervisor}/faults -H 'authorization: Bearer ${token}' -d '{"service":"worker","fault":"shift"}'`,
    `  The same by hand, with detection and recovery timed: ${url}/game-days`,
    '  Ctrl-C ends the console and every service.',
  ].join('\n');
}

async function start(): Promise<void> {
  const begun = Date.now();
  fleet = await startFleet({ log: (line) => say(`fleet: ${line}`) });
  const env: NodeJS.ProcessEnv = {
    MALLOC_ARENA_MAX: '2',
    MALLOC_TRIM_THRESHOLD_: '131072',
    ...process.env,
    NODE_ENV: 'production',
    WHEELHOUSE_DATA_DIR: dataDir,
    WHEELHOUSE_FLEET_URL: fleet.url,
    WHEELHOUSE_FLEET_TOKEN: fleet.token,
    ...(given
      ? {}
      : { WHEELHOUSE_INIT_ADMIN_EMAIL: EMAIL, WHEELHOUSE_INIT_ADMIN_PASSWORD: password }),
  };
  const url = await startConsole(env);
  const key = await obtainKey('demo-key', url, env);
  if (await isNewAccount(url, key, begun)) {
    say(`sign in as ${EMAIL} with the password ${password} (it is shown this once)`);
  }
  const databaseUrl = process.env.DATABASE_URL;
  await register({ consoleUrl: url, key, fleet, ...(databaseUrl ? { databaseUrl } : {}) });
  const service = await obtainKey('demo-service-key', url, env);
  fleet.setConsole({ url, key: service });
  say(`demo ready ${url}`);
  say(describe(url, fleet));
  // Nobody waits for it.
  fillHistory({ consoleUrl: url, keys: { admin: key, service }, now: Date.now() }).catch(
    (error) => {
      if (!stopping) say(`demo: the model and its history are not there (${error.message})`);
    },
  );
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(0));
// The start script is gone without a word (kill -9): nobody would stop us later.
process.on('disconnect', () => stop(0));
await start().catch(fail);
