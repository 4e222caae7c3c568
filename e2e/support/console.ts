/** A real console as a child process on a folder and a port of its own; used by the browser flows and the benchmarks. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { consoleFlags, root } from '../../scripts/prepare.mjs';

const run = promisify(execFile);
const START_TIMEOUT_MS = 90_000;

export type Console = {
  url: string;
  dataDir: string;
  pid: number;
  /** From the one-time link that the console printed; null when there is an account. */
  setupUrl: string | null;
  /** Milliseconds from the start of the process to `ready`. */
  readyMs: number;
  /** Runs a command of the CLI on the same data and answers its standard output. */
  cli(...args: string[]): Promise<string>;
  signal(signal: NodeJS.Signals): void;
  stop(): Promise<number | null>;
  /** Ends it and removes its folder. */
  remove(): Promise<void>;
};

export async function startConsole(
  options: { env?: Record<string, string>; dataDir?: string } = {},
): Promise<Console> {
  const dataDir = options.dataDir ?? mkdtempSync(path.join(tmpdir(), 'wheelhouse-run-'));
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    NODE_ENV: 'production',
    MALLOC_ARENA_MAX: '2',
    MALLOC_TRIM_THRESHOLD_: '131072',
    WHEELHOUSE_DATA_DIR: dataDir,
    PORT: '0',
    // Tests and benchmarks ask faster than scripts do. People keep the limits that they have everywhere.
    WHEELHOUSE_LIMIT_ADDRESS: '600000',
    WHEELHOUSE_LIMIT_KEY: '6000000',
    WHEELHOUSE_LIMIT_OVERALL: '6000000',
    ...options.env,
  };
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [...consoleFlags, path.join(root, 'server/main.ts')],
    // Through the fourth channel the console notices when the tests are gone without a word.
    { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
  );
  const output = await ready(child);
  const readyMs = performance.now() - started;
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
    return child.exitCode;
  };
  return {
    url: /^ready (\S+)$/m.exec(output)?.[1] ?? '',
    setupUrl: /^set up the first admin: (\S+)$/m.exec(output)?.[1] ?? null,
    dataDir,
    pid: child.pid ?? 0,
    readyMs,
    async cli(...args) {
      const { stdout } = await run(
        process.execPath,
        [path.join(root, 'server/cli/main.ts'), ...args],
        { env },
      );
      return stdout;
    },
    signal: (signal) => child.kill(signal),
    stop,
    async remove() {
      await stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function ready(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the console did not get ready:\n${output}`));
    }, START_TIMEOUT_MS);
    const take = (chunk: Buffer) => {
      output += chunk;
      if (/^ready \S+$/m.test(output)) {
        clearTimeout(timer);
        resolve(output);
      }
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`the console ended with ${code}:\n${output}`));
    });
  });
}
