/**
 * `npm start`: prepares what is missing, then runs the console under the pinned Node and passes signals on.
 * `--dev` builds nothing and reloads pages as they change.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { consoleFlags, PrepareError, pinnedNode, prepare, root } from './prepare.mjs';

const dev = process.argv.includes('--dev');

try {
  await prepare({ pages: !dev, say: (line) => console.log(line) });
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  console.error(error.message);
  process.exit(1);
}

/** The console ended on purpose, to be started again; `server/platform/lifecycle.ts` knows it too. */
const RESTART_EXIT_CODE = 75;
// The console asks for it once an hour at most. A second time within ten minutes is no restart any more but a loop.
const RESTART_PAUSE_MS = 10 * 60_000;

let asked = 0;
let restarts = 0;
let child = start();
let startedAt = performance.now();

function start() {
  const started = spawn(
    pinnedNode,
    [...consoleFlags, path.join(root, 'server/main.ts'), ...(dev ? ['--dev'] : [])],
    {
      cwd: root,
      // Through the fourth channel the console notices when this process is gone without a word.
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      env: {
        // Freed memory goes back to the system, instead of staying with the allocator.
        MALLOC_ARENA_MAX: '2',
        MALLOC_TRIM_THRESHOLD_: '131072',
        ...process.env,
        NODE_ENV: dev ? 'development' : 'production',
      },
    },
  );
  started.on('exit', (code, signal) => {
    const again = code === RESTART_EXIT_CODE && asked === 0;
    if (!again) process.exit(code ?? (signal ? 1 : 0));
    if (restarts > 0 && performance.now() - startedAt < RESTART_PAUSE_MS) {
      console.error('the console asked to be restarted twice within ten minutes');
      process.exit(1);
    }
    restarts += 1;
    startedAt = performance.now();
    child = start();
  });
  return started;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    asked += 1;
    // A second Ctrl-C does not wait for open requests.
    child.kill(asked > 1 && signal === 'SIGINT' ? 'SIGKILL' : signal);
  });
}
