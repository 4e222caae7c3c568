/**
 * `system.info` with an API key at 200 requests a second, and at full speed. Peer: a bare Fastify route that
 * answers the same JSON, in a process of its own, in the same run. Target: p95 below 50 ms at 200 rps.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startConsole } from '../e2e/support/console.ts';
import { load, ms, print, rssMegabytes } from './measure.ts';

const PEER = `import Fastify from 'fastify';
const app = Fastify();
app.get('/', async () => ({ result: { data: { version: '0', startedAt: '', role: 'all', database: 'embedded', redis: 'off' } } }));
console.log(await app.listen({ port: 0, host: '127.0.0.1' }));`;

const system = await startConsole();
const peer = spawn(process.execPath, ['--input-type=module', '-e', PEER], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  const [line] = await once(peer.stdout, 'data');
  const peerUrl = String(line).trim();
  const { key } = JSON.parse(await system.cli('keys', 'create', '--name', 'bench', '--json'));
  const headers = { authorization: `Bearer ${key}` };
  const url = `${system.url}/api/trpc/system.info`;
  await load(url, { headers, seconds: 3, connections: 10 });
  await load(peerUrl, { seconds: 3, connections: 10 });
  for (const rate of [200, undefined]) {
    const options = { seconds: 8, connections: 10, ...(rate ? { rate } : {}) };
    const ours = await load(url, { headers, ...options });
    const theirs = await load(peerUrl, options);
    const label = rate ? `${rate} rps` : 'full speed';
    const row = (name: string, run: typeof ours) => ({
      [label]: name,
      p50: ms(run.p50),
      p95: ms(run.p95),
      p99: ms(run.p99),
      rps: run.perSecond.toFixed(0),
      failed: String(run.failed),
    });
    print([row('wheelhouse', ours), row('bare Fastify', theirs)]);
    print([
      {
        ratio: `p95 ${(ours.p95 / theirs.p95).toFixed(2)}×, rps ${(ours.perSecond / theirs.perSecond).toFixed(2)}×`,
      },
    ]);
  }
  print([{ RSS: `${rssMegabytes(system.pid).toFixed(0)} MB after the load (target below 300)` }]);
} finally {
  peer.kill();
  await system.remove();
}
