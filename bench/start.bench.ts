/** Warm start to `ready` (target below 10 s), idle CPU (below 2 %) and memory (below 300 MB). No peer: it is about this program. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startConsole } from '../e2e/support/console.ts';
import { cpuSeconds, print, rssMegabytes } from './measure.ts';

const IDLE_SECONDS = 20;
const first = await startConsole();
await first.stop();
const second = await startConsole({ dataDir: first.dataDir });
try {
  print([
    { start: 'with a new database', ready: `${(first.readyMs / 1000).toFixed(2)} s` },
    { start: 'warm', ready: `${(second.readyMs / 1000).toFixed(2)} s` },
  ]);
  await sleep(5_000);
  const before = cpuSeconds(second.pid);
  await sleep(IDLE_SECONDS * 1000);
  const used = (cpuSeconds(second.pid) - before) / IDLE_SECONDS;
  print([
    { idle: `${(used * 100).toFixed(2)} % CPU`, RSS: `${rssMegabytes(second.pid).toFixed(0)} MB` },
  ]);
} finally {
  await second.remove();
}
