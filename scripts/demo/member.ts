/**
 * One process of the fleet: started, looked at, killed. It keeps its port; nothing starts it again by itself.
 * Members are in process groups of their own, so that a Ctrl-C reaches the supervisor first; they end when the
 * channel to it closes, whatever happened to it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createConnection } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault, InnerFault, ServiceName } from './catalog.ts';
import type { Peers } from './workloads.ts';

const READY_MS = 10_000;
const LOOK_EVERY_MS = 50;
const LOOK_MS = 1_000;

/** A console, and a key with which a service may report to it. */
export type ConsoleAccess = { url: string; key: string };
type Told = { heartbeatUrl?: string; console?: ConsoleAccess; shifted?: boolean };

export type Member = {
  readonly kind: 'http' | 'redis';
  readonly url: string;
  readonly healthUrl: string;
  pid(): number | null;
  fault(): Fault;
  /** Spawns it unless it runs; true once it answers, false when it does not within 10 s. */
  start(fault?: InnerFault): Promise<boolean>;
  /** SIGKILL; settles when the process is gone. `fault` is what is then said of it. */
  kill(fault: Fault): Promise<void>;
  /** Puts a fault into the running process. */
  inject(fault: InnerFault, latencyMs?: number): Promise<void>;
  /** Hands something to the process; kept for later starts. */
  tell(message: Told): void;
};

async function waitUntil(answers: () => Promise<boolean>, alive: () => boolean): Promise<boolean> {
  const until = performance.now() + READY_MS;
  while (performance.now() < until && alive()) {
    if (await answers().catch(() => false)) return true;
    await delay(LOOK_EVERY_MS);
  }
  return false;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

const isAlive = (child: ChildProcess | null): child is ChildProcess =>
  child?.pid !== undefined && child.exitCode === null && child.signalCode === null;

export function createService(options: {
  name: ServiceName;
  port: number;
  token: string;
  peers: Peers;
  log: (line: string) => void;
  leakEveryMs?: number | undefined;
}): Member {
  const { name, port, token, log } = options;
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess | null = null;
  let fault: Fault = 'none';
  let told: Told = {};

  const spawnChild = (first: InnerFault) => {
    const spawned = spawn(
      process.execPath,
      ['--max-semi-space-size=1', path.join(import.meta.dirname, 'service.ts'), name],
      {
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        detached: true,
        // Nothing of the supervisor's own environment, which may hold the console's secrets.
        env: {
          NODE_ENV: 'production',
          MALLOC_ARENA_MAX: '2',
          DEMO_PORT: String(port),
          DEMO_TOKEN: token,
          DEMO_PEERS: JSON.stringify(options.peers),
          DEMO_FAULT: first,
          ...(options.leakEveryMs ? { DEMO_LEAK_EVERY_MS: String(options.leakEveryMs) } : {}),
          ...(told.heartbeatUrl ? { DEMO_HEARTBEAT_URL: told.heartbeatUrl } : {}),
          ...(told.shifted ? { DEMO_SHIFTED: '1' } : {}),
          ...(told.console ? { DEMO_CONSOLE: JSON.stringify(told.console) } : {}),
        },
      },
    );
    if (spawned.stderr) {
      createInterface(spawned.stderr).on('line', (line) => log(`${name}: ${line}`));
    }
    spawned.on('error', (error) => log(`${name}: ${error.message}`));
    spawned.on('exit', (code, signal) => log(`${name} ended (${signal ?? code})`));
    child = spawned;
    fault = first;
  };
  const answersWell = async () => {
    const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(LOOK_MS) });
    const text = await answer.text();
    return fault === 'none' ? answer.ok && text.includes('"status":"ok"') : true;
  };
  return {
    kind: 'http',
    url,
    healthUrl: `${url}/health`,
    pid: () => (isAlive(child) ? (child.pid ?? null) : null),
    fault: () => fault,
    async start(first = 'none') {
      if (!isAlive(child)) spawnChild(first);
      return waitUntil(answersWell, () => isAlive(child));
    },
    async kill(why) {
      if (child) await end(child);
      fault = why;
    },
    async inject(next, latencyMs) {
      const answer = await fetch(`${url}/control/fault`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ fault: next, latencyMs }),
        signal: AbortSignal.timeout(5_000),
      });
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`${name} answered ${answer.status}`);
      fault = next;
    },
    tell(message) {
      told = { ...told, ...message };
      if (isAlive(child) && child.connected) child.send(message);
    },
  };
}

// The shell ends the server when its standard input closes: a Redis server does not notice that its parent is gone.
const KEEPER =
  '"$@" >/dev/null 2>&1 & child=$!; echo $child; cat >/dev/null; kill -9 $child; wait $child 2>/dev/null';

/** Whether there is a Redis server to be had. */
export function hasRedis(): boolean {
  if (process.platform === 'win32') return false;
  return (process.env.PATH ?? '').split(path.delimiter).some((folder) => {
    try {
      accessSync(path.join(folder, 'redis-server'), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export function createRedis(options: { port: number; log: (line: string) => void }): Member {
  const { port, log } = options;
  const url = `redis://127.0.0.1:${port}`;
  let keeper: ChildProcess | null = null;
  let pid: number | null = null;
  let fault: Fault = 'none';

  const signal = (name: NodeJS.Signals) => {
    if (pid !== null) process.kill(pid, name);
  };
  const spawnServer = async () => {
    const settings = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', '/tmp'];
    const shell = spawn(
      '/bin/sh',
      ['-c', KEEPER, 'sh', 'redis-server', '--port', String(port), ...settings],
      {
        stdio: ['pipe', 'pipe', 'ignore'],
        detached: true,
        env: { NODE_ENV: 'production', PATH: process.env.PATH },
      },
    );
    shell.on('error', (error) => log(`redis: ${error.message}`));
    keeper = shell;
    fault = 'none';
    const [line] = await once(createInterface(shell.stdout), 'line');
    pid = Number(line);
  };
  return {
    kind: 'redis',
    url,
    healthUrl: url,
    pid: () => pid,
    fault: () => fault,
    async start() {
      if (pid === null) await spawnServer();
      return waitUntil(
        () => answersPing(port),
        () => pid !== null,
      );
    },
    async kill(why) {
      const shell = keeper;
      if (pid !== null) {
        signal('SIGKILL');
        pid = null;
        log('redis ended (SIGKILL)');
      }
      keeper = null;
      fault = why;
      if (!shell || shell.exitCode !== null) return;
      const ended = once(shell, 'exit');
      shell.stdin?.end();
      await ended;
    },
    async inject(next) {
      signal(next === 'hang' ? 'SIGSTOP' : 'SIGCONT');
      fault = next;
    },
    tell: () => undefined,
  };
}

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1', timeout: LOOK_MS });
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', () => socket.write('PING\r\n'));
    socket.on('data', (data) => settle(data.toString().startsWith('+PONG')));
    socket.on('error', () => settle(false));
    socket.on('timeout', () => settle(false));
  });
}
