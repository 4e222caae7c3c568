/**
 * `npm test`: everything, on a machine that has nothing but npm. Installs what the tests need, runs every check even after one
 * has failed, and ends with the line `N passed, N failed`. `npm test -- static`, `-- unit`, `-- e2e` or `-- PATTERN` narrows it.
 */
import { spawn } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PrepareError, pinnedNode, prepare, root } from './prepare.mjs';

const CHECK_TIMEOUT_MS = 20 * 60_000;
const modules = path.join(root, 'node_modules');
const scratch = mkdtempSync(path.join(tmpdir(), 'wheelhouse-report-'));
const totals = { passed: 0, failed: 0 };
const failures = [];
const say = (line) => process.stdout.write(`${line}\n`);

/** The tests have servers of their own; nothing of the person's configuration reaches them. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^(WHEELHOUSE_|npm_config_)|^(DATABASE_URL|REDIS_URL|HOST|PORT|ROLE|LOG_LEVEL|NODE_ENV)$/.test(
        name,
      ),
  ),
);
environment.PATH = `${path.dirname(pinnedNode)}${path.delimiter}${process.env.PATH ?? ''}`;
environment.NEXT_TELEMETRY_DISABLED = '1';
environment.NO_COLOR = '1';

let current;
function endCurrent(signal) {
  try {
    if (current?.pid) process.kill(-current.pid, signal);
  } catch {
    // It has ended already.
  }
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    endCurrent(signal);
    setTimeout(() => endCurrent('SIGKILL'), 5_000).unref();
    say(`\nstopped by ${signal}`);
    process.exitCode = 1;
    stopped = true;
  });
}
let stopped = false;

/** Runs a program in a process group of its own; answers its exit code and the end of what it printed. */
function run(command, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...environment, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    current = child;
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-200_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const timer = setTimeout(() => {
      keep(`\nstopped after ${CHECK_TIMEOUT_MS / 60_000} minutes`);
      endCurrent('SIGKILL');
    }, CHECK_TIMEOUT_MS);
    child.on('error', (error) => keep(error.message));
    child.on('close', (code) => {
      clearTimeout(timer);
      current = undefined;
      resolve({ code: code ?? 1, output: output.trimEnd() });
    });
  });
}

const node = (script, ...args) => run(pinnedNode, [path.join(modules, script), ...args]);
const tail = (text, lines) => text.split('\n').slice(-lines).join('\n');

/** One heading, one line with the result. `check` answers `{ passed, failed, note?, details }`. */
async function section(title, check) {
  if (stopped) return;
  process.stdout.write(`${title} … `);
  const started = Date.now();
  let result;
  try {
    result = await check();
  } catch (error) {
    result = {
      passed: 0,
      failed: 1,
      details: [error instanceof PrepareError ? error.message : String(error.stack ?? error)],
    };
  }
  totals.passed += result.passed;
  totals.failed += result.failed;
  const seconds = Math.round((Date.now() - started) / 100) / 10;
  const figures = [
    `${result.passed} passed`,
    ...(result.failed ? [`${result.failed} FAILED`] : []),
    ...(result.note ? [result.note] : []),
  ];
  say(`${figures.join(', ')} (${seconds} s)`);
  for (const detail of result.details ?? []) say(detail.replace(/^/gm, '    '));
  for (const name of result.names ?? result.details ?? [])
    failures.push(`${title}: ${name.split('\n')[0]}`);
}

/** A program whose exit code is the result. */
const single = async (running) => {
  const { code, output } = await running;
  return code === 0
    ? { passed: 1, failed: 0, output }
    : { passed: 0, failed: 1, names: ['failed'], details: [tail(output, 60)] };
};

async function vitest(...args) {
  const file = path.join(scratch, `vitest-${Date.now()}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const { code, output } = await node('vitest/vitest.mjs', 'run', ...reporters, ...args);
  const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
  if (!report) return { passed: 0, failed: 1, details: [tail(output, 60)] };
  const names = [];
  for (const suite of report.testResults) {
    const name = path.relative(root, suite.name);
    const failed = suite.assertionResults.filter((each) => each.status === 'failed');
    for (const each of failed) names.push(`${name}: ${each.fullName}`);
    if (suite.status === 'failed' && failed.length === 0) names.push(`${name}: could not be run`);
  }
  const passed = report.numPassedTests;
  // A run that failed without a failing test (an unhandled error, a hook, nothing found) is a failure all the same.
  if (names.length === 0 && (code !== 0 || passed === 0))
    names.push(passed === 0 ? 'no test was found' : 'the run itself failed');
  const why = /^.*(Failed (Tests|Suites)|Unhandled)[\s\S]*/m.exec(output)?.[0] ?? output;
  return {
    passed,
    failed: names.length,
    names,
    details: names.length
      ? [
          why
            .split('\n')
            .filter((line) => !line.startsWith('JSON report'))
            .slice(0, 200)
            .join('\n'),
        ]
      : [],
  };
}

async function playwright(...args) {
  if (!existsSync(path.join(root, 'e2e/playwright.config.ts'))) {
    return {
      passed: 0,
      failed: 1,
      details: ['There is no e2e/playwright.config.ts, so no browser flow was run.'],
    };
  }
  const file = path.join(scratch, 'playwright.json');
  const { code, output } = await run(
    pinnedNode,
    [
      path.join(modules, '@playwright/test/cli.js'),
      'test',
      '-c',
      'e2e/playwright.config.ts',
      '--reporter=json',
      ...args,
    ],
    { PLAYWRIGHT_JSON_OUTPUT_FILE: file },
  );
  const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
  if (!report) return { passed: 0, failed: 1, details: [tail(output, 60)] };
  const details = report.errors.map((error) => String(error.message));
  const visit = (suite) => {
    for (const inner of suite.suites ?? []) visit(inner);
    for (const spec of (suite.specs ?? []).filter((each) => !each.ok)) {
      const errors = spec.tests.flatMap((each) =>
        each.results.flatMap((result) => result.errors.map((error) => error.message)),
      );
      details.push(`${spec.file}:${spec.line} ${spec.title}\n${tail(errors.join('\n'), 40)}`);
    }
  };
  for (const suite of report.suites) visit(suite);
  const { expected, flaky, skipped } = report.stats;
  const passed = expected + flaky;
  if (details.length === 0 && (code !== 0 || passed === 0))
    details.push(tail(output, 60) || 'no browser flow was found');
  const notes = [...(flaky ? [`${flaky} flaky`] : []), ...(skipped ? [`${skipped} skipped`] : [])];
  return { passed, failed: details.length, details, note: notes.join(', ') };
}

function onPath(...names) {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    for (const name of names) {
      try {
        accessSync(path.join(folder, name), constants.X_OK);
        return path.join(folder, name);
      } catch {
        // Not here.
      }
    }
  }
  return undefined;
}

let refreshed = false;
/** Installs a Debian package when this machine lets us; its service is not started. */
async function aptInstall(name) {
  if (!onPath('apt-get')) return;
  const asRoot = process.getuid?.() === 0 ? [] : onPath('sudo') ? ['sudo', '-n'] : undefined;
  if (!asRoot) return;
  const apt = (...args) => {
    const [command, ...rest] = [
      ...asRoot,
      'apt-get',
      '-qq',
      '-o',
      'DPkg::Lock::Timeout=120',
      ...args,
    ];
    return run(command, rest, { DEBIAN_FRONTEND: 'noninteractive' });
  };
  const policy = '/usr/sbin/policy-rc.d';
  const ours = asRoot.length === 0 && !existsSync(policy);
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    if (!refreshed) await apt('update');
    refreshed = true;
    await apt('install', '-y', '--no-install-recommends', name);
  } finally {
    if (ours) unlinkSync(policy);
  }
}

const browsers = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

async function ensureRedis() {
  if (!onPath('redis-server')) await aptInstall('redis-server');
  if (!onPath('redis-server'))
    throw new PrepareError(
      'There is no redis-server on the PATH and it could not be installed; install Redis.',
    );
}

async function ensureBrowser() {
  if (!onPath(...browsers)) await aptInstall('chromium');
  const found = onPath(...browsers);
  if (found) environment.CHROMIUM_PATH = found;
  else {
    const { code } = await run(pinnedNode, [
      path.join(modules, '@playwright/test/cli.js'),
      'install',
      'chromium',
    ]);
    if (code !== 0)
      throw new PrepareError(
        'There is no Chromium on the PATH and it could not be installed; install Chromium.',
      );
  }
}

async function ensure(need) {
  if (need === 'redis') await ensureRedis();
  if (need === 'browser') await ensureBrowser();
  // Judge /metrics and what deploy/ offers; the tests that need them say so when they are missing.
  if (need === 'promtool' && !onPath('promtool')) await aptInstall('prometheus');
  if (need === 'alertmanager' && !onPath('prometheus-alertmanager', 'alertmanager'))
    await aptInstall('prometheus-alertmanager');
  // The database of somebody else; the tests that need it say so when it is missing.
  if (need === 'hypopg' && !existsSync('/usr/share/postgresql/15/extension/hypopg.control'))
    await aptInstall('postgresql-15-hypopg');
}

let built = false;
async function buildPages() {
  if (built) return;
  built = true;
  await section('building the pages', async () => {
    await prepare({ pages: true, say: () => {} });
    return { passed: 1, failed: 0 };
  });
}

const plan = {
  async static() {
    await section('formatting and lint', () =>
      single(
        run(path.join(modules, '.bin/biome'), ['check', '--colors=off', '--max-diagnostics=20']),
      ),
    );
    await section('types', () => single(node('typescript/bin/tsc', '--noEmit')));
    await section('unused code', () => single(node('knip/bin/knip.js', '--no-progress')));
    await section('rules of the house', () => vitest('--project=house'));
  },
  async unit() {
    await need('redis');
    await need('hypopg');
    // Some of them talk to the whole host, which serves the built pages.
    await buildPages();
    await section('unit tests', () => vitest('--project=unit'));
    await section('tests on PostgreSQL and Redis', () => vitest('--project=database'));
  },
  async process() {
    await need('promtool');
    await need('alertmanager');
    await buildPages();
    await section('start, stop, crash', () => vitest('--project=process', '--project=alone'));
  },
  async e2e(...args) {
    await need('browser');
    await need('hypopg');
    await buildPages();
    await section('size of the pages', () => single(run(pinnedNode, ['bench/bundle.bench.ts'])));
    await section('browser flows', () => playwright(...args));
  },
};

/** Says something only when it takes something, or fails. */
async function need(what) {
  try {
    await ensure(what);
  } catch (error) {
    await section(`needs ${what}`, () => Promise.reject(error));
  }
}

async function main(wanted) {
  await section('preparing', async () => {
    await prepare({ pages: false, say: () => {} });
    return { passed: 0, failed: 0 };
  });
  if (totals.failed > 0) return;
  if (wanted.length === 0) {
    for (const part of Object.values(plan)) await part();
    return;
  }
  for (const name of wanted) {
    if (Object.hasOwn(plan, name)) await plan[name]();
    else if (name.startsWith('e2e/') || name.endsWith('.spec.ts')) await plan.e2e(name);
    else {
      await need('redis');
      await buildPages();
      await section(`tests of ${name}`, () => vitest(name));
    }
  }
}

try {
  await main(process.argv.slice(2));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
if (failures.length > 1) {
  say('\nfailed:');
  for (const failure of failures) say(`  ${failure}`);
}
if (stopped) totals.failed += 1;
say(`\n${totals.passed} passed, ${totals.failed} failed`);
process.exit(totals.failed > 0 ? 1 : 0);
