/**
 * 1 000 viewers of `/api/stream` for 20 s: delivery time (from the frame's stamp to its arrival), CPU and memory.
 * Peer: the least that could work, a bare node:http server that writes the same frame to 1 000 responses.
 * Both clocks are this machine's. Target: p95 below 100 ms.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { startConsole } from '../e2e/support/console.ts';
import { cpuSeconds, ms, print, quantile, rssMegabytes } from './measure.ts';

const VIEWERS = 1_000;
const SECONDS = 20;
const PEER = `import http from 'node:http';
const clients = new Set();
const filler = 'x'.repeat(700);
setInterval(() => {
  const text = 'event: frame\\ndata: ' + JSON.stringify({ at: new Date().toISOString(), filler }) + '\\n\\n';
  for (const client of clients) client.write(text);
}, 500);
const server = http.createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  clients.add(response);
  response.on('close', () => clients.delete(response));
});
server.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port));`;

async function watch(url: string, headers: Record<string, string>, pid: number) {
  const delays: number[] = [];
  let measuring = false;
  const agent = new http.Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const requests: http.ClientRequest[] = [];
  for (let i = 0; i < VIEWERS; i++) {
    const request = http.get(url, { headers, agent }, (response) => {
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (!measuring) return;
        for (const match of chunk.matchAll(/"at":"([^"]+)"/g)) {
          delays.push(Date.now() - Date.parse(match[1] ?? ''));
        }
      });
    });
    request.on('error', () => undefined);
    requests.push(request);
    // Opening all at once would measure the accept queue.
    if (i % 100 === 99) await sleep(50);
  }
  await sleep(3_000);
  const before = cpuSeconds(pid);
  measuring = true;
  await sleep(SECONDS * 1000);
  measuring = false;
  const cpu = (cpuSeconds(pid) - before) / SECONDS;
  const memory = rssMegabytes(pid);
  for (const request of requests) request.destroy();
  agent.destroy();
  delays.sort((a, b) => a - b);
  return { delays, cpu, memory };
}

const system = await startConsole();
const peer = spawn(process.execPath, ['--input-type=module', '-e', PEER], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  const [line] = await once(peer.stdout, 'data');
  const { key } = JSON.parse(await system.cli('keys', 'create', '--name', 'bench', '--json'));
  const ours = await watch(
    `${system.url}/api/stream`,
    { authorization: `Bearer ${key}` },
    system.pid,
  );
  const theirs = await watch(String(line).trim(), {}, peer.pid ?? 0);
  const row = (name: string, run: typeof ours) => ({
    [name]: `${VIEWERS} viewers`,
    frames: String(run.delays.length),
    p50: ms(quantile(run.delays, 0.5)),
    p95: ms(quantile(run.delays, 0.95)),
    p99: ms(quantile(run.delays, 0.99)),
    cpu: `${(run.cpu * 100).toFixed(1)} %`,
    rss: `${run.memory.toFixed(0)} MB`,
  });
  print([row('wheelhouse', ours), row('bare node:http', theirs)]);
  const ratio = quantile(ours.delays, 0.95) / Math.max(1, quantile(theirs.delays, 0.95));
  print([{ ratio: `p95 ${ratio.toFixed(2)}×, CPU ${(ours.cpu / theirs.cpu).toFixed(2)}×` }]);
} finally {
  peer.kill();
  await system.remove();
}
