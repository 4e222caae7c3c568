/**
 * `npm run demo`: a console and a fleet of real small services that it watches and heals. Prepares what is missing, then runs
 * `demo/main.ts` under the pinned Node and passes signals on.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { PrepareError, pinnedNode, prepare, root } from './prepare.mjs';

try {
  await prepare({ pages: true, say: (line) => console.log(line) });
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  console.error(error.message);
  process.exit(1);
}

const child = spawn(pinnedNode, [path.join(root, 'scripts/demo/main.ts')], {
  cwd: root,
  // Through the fourth channel the demo notices when this process is gone without a word.
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  env: { ...process.env, NODE_ENV: 'production' },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
