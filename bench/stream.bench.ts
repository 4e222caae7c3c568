/**
 * Viewers of live frames, 500 ms apart: CPU of the server, delivery time (from the frame's stamp to its arrival), memory.
 * Peers in the same run: better-sse's channel broadcast, and the least that could work, a bare node:http server that
 * writes the same text to each response. All send the console's own frame. Both clocks are this machine's.
 * Targets: CPU at most 0.35 × better-sse's with 5 000 viewers; p95 below 100 ms with 1 000. One send a viewer and frame is the
 * kernel's share, which nobody can save, so own code and kernel are told apart.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startConsole } from '../e2e/support/console.ts';
import { cpuParts, ms, print, quantile, rssMegabytes } from './measure.ts';

const SECONDS = 15;
/** Of so many viewers one reads the stamps; the others count bytes, or the viewers would need more CPU than the server. */
const STAMPED = 50;

const peers = {
  'better-sse': `import http from 'node:http';
import { createChannel, createSession } from 'better-sse';
const frame = JSON.parse(process.env.FRAME);
const channel = createChannel();
setInterval(() => channel.broadcast({ ...frame, at: new Date().toISOString() }, 'frame'), 500);
const server = http.createServer(async (request, response) => channel.register(await createSession(request, response)));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));`,
  'bare node:http': `import http from 'node:http';
const frame = JSON.parse(process.env.FRAME);
const clients = new Set();
setInterval(() => {
  const text = 'event: frame\\ndata: ' + JSON.stringify({ ...frame, at: new Date().toISOString() }) + '\\n\\n';
  for (const client of clients) client.write(text);
}, 500);
const server = http.createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  clients.add(response);
  response.on('close', () => clients.delete(response));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));`,
} as const;

/** The console lets a caller open 6 000 streams a minute; the peers let anybody. */
const OPENED_A_SECOND = 95;
type Run = { delays: number[]; user: number; system: number; memory: number; mib: number };
const cpuOf = ({ user, system }: { user: number; system: number }) => user + system;

async function watch(viewers: number, port: number, head: string, pid: number): Promise<Run> {
  const delays: number[] = [];
  const sockets: net.Socket[] = [];
  let measuring = false;
  let bytes = 0;
  let open = 0;
  for (let i = 0; i < viewers; i++) {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    const stamped = i % STAMPED === 0;
    socket.once('data', (chunk) => {
      if (chunk.subarray(0, 12).toString() === 'HTTP/1.1 200') open++;
    });
    socket.on('data', (chunk) => {
      if (!measuring) return;
      bytes += chunk.length;
      if (!stamped) return;
      for (const match of chunk.toString('latin1').matchAll(/"at":"([^"]+)"/g)) {
        delays.push(Date.now() - Date.parse(match[1] ?? ''));
      }
    });
    socket.write(head);
    sockets.push(socket);
    if (i % OPENED_A_SECOND === OPENED_A_SECOND - 1) await sleep(1_000);
  }
  await sleep(3_000);
  if (open !== viewers) throw new Error(`${open} of ${viewers} streams are open`);
  const before = cpuParts(pid);
  measuring = true;
  await sleep(SECONDS * 1000);
  measuring = false;
  const after = cpuParts(pid);
  const user = (after.user - before.user) / SECONDS;
  const system = (after.system - before.system) / SECONDS;
  const memory = rssMegabytes(pid);
  for (const socket of sockets) socket.destroy();
  await sleep(1_000);
  delays.sort((a, b) => a - b);
  return { delays, user, system, memory, mib: Math.round(bytes / 1024 / 1024) };
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
const headOf = (path: string, key = '') =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n${key === '' ? '' : `Authorization: Bearer ${key}\r\n`}\r\n`;

const system = await startConsole();
try {
  const { key } = JSON.parse(await system.cli('keys', 'create', '--name', 'bench', '--json'));
  const headers = { authorization: `Bearer ${key}` };
  const abort = new AbortController();
  const one = await fetch(`${system.url}/api/stream`, { headers, signal: abort.signal });
  let text = '';
  for await (const chunk of one.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (/data: .*\n\n/.test(text)) break;
  }
  abort.abort();
  const frame = /data: (.*)\n\n/.exec(text)?.[1] ?? '{}';
  const port = Number(new URL(system.url).port);
  // The console's own work, which the peers do not have, is taken out of the ratio and shown.
  const idleBefore = cpuParts(system.pid);
  await sleep(10_000);
  const idleAfter = cpuParts(system.pid);
  const idle = {
    user: (idleAfter.user - idleBefore.user) / 10,
    system: (idleAfter.system - idleBefore.system) / 10,
  };
  print([{ frame: `${frame.length} bytes`, 'console without viewers': percent(cpuOf(idle)) }]);
  for (const viewers of [1_000, 5_000]) {
    const ours = await watch(viewers, port, headOf('/api/stream', key), system.pid);
    const rows: [string, Run][] = [['wheelhouse', ours]];
    for (const [name, program] of Object.entries(peers)) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, NODE_ENV: 'production', FRAME: frame },
      });
      try {
        const [line] = await once(child.stdout, 'data');
        rows.push([name, await watch(viewers, Number(line), headOf('/'), child.pid ?? 0)]);
      } finally {
        child.kill();
      }
    }
    print(
      rows.map(([name, run]) => ({
        [name]: `${viewers} viewers`,
        received: `${run.mib} MiB`,
        p50: ms(quantile(run.delays, 0.5)),
        p95: ms(quantile(run.delays, 0.95)),
        cpu: `${percent(cpuOf(run))} (own ${percent(run.user)}, kernel ${percent(run.system)})`,
        rss: `${run.memory.toFixed(0)} MB`,
      })),
    );
    for (const [name, run] of rows.slice(1)) {
      const p95 = quantile(ours.delays, 0.95) / Math.max(1, quantile(run.delays, 0.95));
      print([
        {
          [`against ${name}`]: `CPU ${(cpuOf(ours) / cpuOf(run)).toFixed(2)}×, of the stream alone ${((cpuOf(ours) - cpuOf(idle)) / cpuOf(run)).toFixed(2)}×, own code of the stream alone ${((ours.user - idle.user) / run.user).toFixed(2)}×, p95 ${p95.toFixed(2)}×`,
        },
      ]);
    }
  }
} finally {
  await system.remove();
}
