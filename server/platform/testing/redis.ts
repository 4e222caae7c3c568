/** A private redis-server on a free port, without persistence, that a test may stop and start again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

export type TestRedis = {
  url: string;
  /** Kills the server; clients lose their connections. */
  stop(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>;
  /** Freezes the process: connections stay, answers do not come. */
  freeze(): void;
  thaw(): void;
};

// The shell ends the server when its standard input closes, so that no server outlives a killed test run.
const keeper =
  '"$@" >/dev/null 2>&1 & child=$!; echo $child; cat >/dev/null; kill -9 $child; wait $child 2>/dev/null';

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no free port');
  return address.port;
}

export async function startRedis(): Promise<TestRedis> {
  const port = await freePort();
  let running: { shell: ChildProcess; pid: number } | undefined;
  const start = async () => {
    if (running) return;
    const settings = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      '/tmp',
    ];
    const shell = spawn('/bin/sh', ['-c', keeper, 'sh', 'redis-server', ...settings], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    });
    const [line] = await once(createInterface(shell.stdout), 'line');
    running = { shell, pid: Number(line) };
    await answers(port);
  };
  const stop = async () => {
    const ending = running?.shell;
    running = undefined;
    if (!ending) return;
    const ended = once(ending, 'exit');
    ending.stdin?.end();
    await ended;
  };
  const signal = (name: NodeJS.Signals) => {
    if (running) process.kill(running.pid, name);
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    start,
    stop,
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
  };
}

async function answers(port: number): Promise<void> {
  for (let attempt = 0; attempt < 250; attempt++) {
    const client = new Redis({
      port,
      host: '127.0.0.1',
      lazyConnect: true,
      retryStrategy: () => null,
    });
    client.on('error', () => undefined);
    const answer = await client.connect().then(
      () => client.ping(),
      () => undefined,
    );
    client.disconnect();
    if (answer === 'PONG') return;
    await delay(20);
  }
  throw new Error('redis-server did not start; is it installed?');
}
