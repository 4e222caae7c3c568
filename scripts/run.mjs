/** Runs one of the project's TypeScript programs under the pinned Node: `node scripts/run.mjs FILE ARGS…`. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { PrepareError, pinnedNode, prepare, root } from './prepare.mjs';

const [file = '', ...args] = process.argv.slice(2);
try {
  // Standard output belongs to the program: what it prints may be read by a machine.
  await prepare({ pages: false, say: (line) => console.error(line) });
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  console.error(error.message);
  process.exit(1);
}
const child = spawn(pinnedNode, [path.join(root, file), ...args], { cwd: root, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => process.exit(code ?? 1));
