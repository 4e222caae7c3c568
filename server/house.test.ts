/** The rules of the house that no linter knows. Each check first proves that it saw something. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cruise, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const has = (file: string) => existsSync(path.join(root, file));

const files = listFiles();
const notModules = new Set(['api', 'client', 'http', 'cli', 'platform']);
const moduleNames = readdirSync(path.join(root, 'server'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !notModules.has(entry.name))
  .map((entry) => entry.name);

function listFiles(): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard'];
  const listed = execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\n');
  return listed.filter((file) => file !== '' && has(file));
}

const sources = files.filter((file) => /\.(ts|tsx|mjs)$/.test(file));

test('the house is there', () => {
  expect(sources.length).toBeGreaterThan(60);
  expect(moduleNames.length).toBeGreaterThan(4);
});

describe('import rules', () => {
  const config: { forbidden: IForbiddenRuleType[]; options: object } = createRequire(
    import.meta.url,
  )('../.dependency-cruiser.cjs');
  const { forbidden, options } = config;
  const planted = mkdtempSync(path.join(tmpdir(), 'wheelhouse-house-'));
  afterAll(() => rmSync(planted, { recursive: true, force: true }));

  async function violations(folders: string[], baseDir: string): Promise<ICruiseResult> {
    const { output } = await cruise(folders, {
      ...options,
      ruleSet: { forbidden },
      validate: true,
      baseDir,
    });
    if (typeof output === 'string') throw new Error(output);
    return output;
  }

  test('hold', async () => {
    const result = await violations(['server', 'app', 'components'], root);
    expect(result.summary.totalCruised).toBeGreaterThan(100);
    expect(result.summary.totalDependenciesCruised ?? 0).toBeGreaterThan(300);
    expect(result.summary.violations.map((v) => `${v.rule.name}: ${v.from} → ${v.to}`)).toEqual([]);
  });

  const violating: Record<string, Record<string, string>> = {
    'no-cycles': {
      'server/a/one.ts': `import { two } from './two.ts'; export const one = () => two;`,
      'server/a/two.ts': `import { one } from './one.ts'; export const two = () => one;`,
    },
    'pages-see-contracts-only': {
      'app/page.tsx': `import { x } from '../server/b/index.ts'; export default x;`,
    },
    'pages-see-the-api-as-a-type': {
      'components/client.ts': `import { router } from '../server/api/router.ts'; export const y = router;`,
    },
    'components-do-not-import-pages': { 'components/c.ts': `export { z } from '../app/z.ts';` },
    'server-does-not-import-pages': { 'server/b/page.ts': `export { z } from '../../app/z.ts';` },
    'platform-imports-no-module': { 'server/platform/p.ts': `export { x } from '../b/index.ts';` },
    'test-kit-only-in-tests': {
      'server/b/kit.ts': `export { kit } from '../platform/testing/kit.ts';`,
    },
    'modules-meet-at-their-face': {
      'server/c/service.ts': `export { inner } from '../b/inner.ts';`,
    },
    'host-uses-the-face-of-modules': {
      'server/modules.ts': `export { inner } from './b/inner.ts';`,
    },
    'modules-do-not-know-the-host': {
      'server/c/host.ts': `export { host } from '../http/host.ts';`,
    },
    'routers-touch-no-storage': {
      'server/c/router.ts': `export { db } from '../platform/db/index.ts';`,
    },
    'contracts-are-client-safe': {
      'server/c/contract.ts': `export { inner } from '../b/inner.ts';`,
    },
    'no-dumping-grounds': { 'server/c/uses.ts': `export { u } from './utils.ts';` },
    'nothing-imports-tests': { 'server/c/tested.ts': `export { t } from './x.test.ts';` },
    'everything-resolves': { 'server/c/lost.ts': `export { n } from './nowhere.ts';` },
  };
  const innocent: Record<string, string> = {
    'app/z.ts': 'export const z = 1;',
    'server/api/router.ts': 'export const router = 1;',
    'server/b/index.ts': 'export const x = 1;',
    'server/b/inner.ts': 'export const inner = 1;',
    'server/c/utils.ts': 'export const u = 1;',
    'server/c/x.test.ts': 'export const t = 1;',
    'server/http/host.ts': 'export const host = 1;',
    'server/platform/db/index.ts': 'export const db = 1;',
    'server/platform/testing/kit.ts': 'export const kit = 1;',
    'tsconfig.json': read('tsconfig.json'),
  };
  let caught: Set<string>;
  beforeAll(async () => {
    for (const [file, text] of [innocent, ...Object.values(violating)].flatMap(Object.entries)) {
      mkdirSync(path.dirname(path.join(planted, file)), { recursive: true });
      writeFileSync(path.join(planted, file), text);
    }
    const { summary } = await violations(['server', 'app', 'components'], planted);
    caught = new Set(
      summary.violations.map((violation) => `${violation.rule.name}: ${violation.from}`),
    );
  });
  test('are each known to the test', () => {
    expect(Object.keys(violating).sort()).toEqual(forbidden.map((rule) => rule.name).sort());
  });
  test.each(Object.keys(violating))('%s catches a planted violation', (name) => {
    const [file] = Object.keys(violating[name] ?? {});
    expect([...caught]).toContain(`${name}: ${file}`);
  });
});

describe('clock, randomness and environment', () => {
  /** What a file reads raw: `Date.now()`, `new Date()`, `Math.random()`, `randomUUID()`, `process.env`. */
  function rawReads(name: string, text: string): string[] {
    const found: string[] = [];
    const tree = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node)) {
        const callee = node.expression.getText(tree);
        if (/^(globalThis\.)?(Date\.now|Math\.random|((node)?crypto\.)?randomUUID)$/.test(callee))
          found.push(callee);
        if (callee === 'Date') found.push('Date()');
      }
      if (
        ts.isNewExpression(node) &&
        node.expression.getText(tree) === 'Date' &&
        !node.arguments?.length
      ) {
        found.push('new Date()');
      }
      // `process.env.NODE_ENV` in a page is a constant that the build puts in.
      const isConstant =
        node.parent?.getText(tree) === 'process.env.NODE_ENV' && !name.startsWith('server/');
      if (
        ts.isPropertyAccessExpression(node) &&
        node.getText(tree) === 'process.env' &&
        !isConstant
      ) {
        found.push('process.env');
      }
      ts.forEachChild(node, visit);
    };
    visit(tree);
    return found;
  }
  const server = sources.filter(
    (file) => file.startsWith('server/') && !/\.(test|suite)\.ts$/.test(file),
  );

  test('are recognised', () => {
    const text =
      'Date.now(); new Date(); new Date(5); Math.random(); randomUUID(); process.env.X; "Date.now()"';
    expect(rawReads('x.ts', text)).toEqual([
      'Date.now',
      'new Date()',
      'Math.random',
      'randomUUID',
      'process.env',
    ]);
  });

  test('are read in the platform alone', () => {
    expect(server.length).toBeGreaterThan(40);
    const offenders = server
      .filter((file) => !file.startsWith('server/platform/'))
      .flatMap((file) => rawReads(file, read(file)).map((what) => `${file}: ${what}`))
      .filter((line) => line !== 'server/config.ts: process.env');
    expect(offenders).toEqual([]);
  });

  test('the environment is read in config.ts alone', () => {
    const readers = [
      ...server,
      ...sources.filter((file) => /^(app|components)\//.test(file)),
    ].filter((file) => rawReads(file, read(file)).includes('process.env'));
    expect(readers).toEqual(['server/config.ts']);
  });
});

describe.each(moduleNames)('module %s', (name) => {
  const folder = `server/${name}`;
  const composition = read('server/modules.ts');

  test('has one face, whose header says what it is', () => {
    const face = read(`${folder}/index.ts`);
    const header = /^\/\*\*\n((?: \*.*\n)+?) \*\//.exec(face)?.[1]?.trimEnd().split('\n') ?? [];
    expect(header.length, 'lines of the header').toBeGreaterThanOrEqual(2);
    expect(header.length, 'lines of the header').toBeLessThanOrEqual(24);
  });

  test('stands in modules.ts', () => {
    expect(composition).toContain(`./${name}/index.ts`);
    if (has(`${folder}/router.ts`))
      expect(composition, 'its router').toMatch(new RegExp(`\\b${name}Router\\(`));
    if (has(`${folder}/jobs.ts`))
      expect(composition, 'its jobs').toMatch(new RegExp(`\\b${name}Jobs\\(`));
  });

  test('is documented when it can be called', () => {
    if (has(`${folder}/router.ts`)) expect(files).toContain(`docs/modules/${name}.md`);
  });

  test('keeps no storage in its pure files', () => {
    const named = /\/(index|contract|service|router|jobs)\.ts$|\.(test|suite)\.ts$/;
    for (const file of sources.filter(
      (each) => each.startsWith(`${folder}/`) && !named.test(each),
    )) {
      expect(read(file), file).not.toMatch(/from '\.\/(service|router|jobs|index)\.ts'/);
    }
  });
});

test('every page has its entry in the navigation and its own states', () => {
  const nav = read('components/shell/nav.ts');
  const pages = files.filter((file) => /^app\/\(console\)\/(.*\/)?page\.tsx$/.test(file));
  expect(pages.length).toBeGreaterThan(2);
  for (const page of pages) {
    const route = path.posix.dirname(page).replace(/^app\/\(console\)/, '');
    if (!route.includes('[')) expect(nav, page).toContain(`'${route || '/'}'`);
    for (const state of ['error.tsx', 'loading.tsx']) {
      expect(files, `${page} without ${state}`).toContain(
        path.posix.join(path.posix.dirname(page), state),
      );
    }
  }
});

test('the top level holds what it always holds', () => {
  const allowed = new Set(
    `.ci .dependency-cruiser.cjs .editorconfig .gitattributes .github .gitignore .dockerignore .npmrc CHANGELOG.md
    CONTRIBUTING.md Dockerfile LICENSE README.md SECURITY.md app bench biome.json components data deploy docs e2e
    knip.json next.config.js package-lock.json package.json postcss.config.mjs prisma prisma.config.ts public scripts
    server tsconfig.json vitest.config.ts`.split(/\s+/),
  );
  const top = [...new Set(files.map((file) => file.split('/')[0] ?? ''))];
  expect(top.length).toBeGreaterThan(10);
  expect(top.filter((name) => !allowed.has(name))).toEqual([]);
});

test('there are no dumping grounds and no wildcard exports', () => {
  const dumping = /(^|\/)(utils?|helpers?|common|misc|lib|shared|types)(\/|\.tsx?$)/;
  expect(files.filter((file) => dumping.test(file))).toEqual([]);
  expect(sources.filter((file) => /^export \* from/m.test(read(file)))).toEqual([]);
});

test('tests run, and all of them', () => {
  const tests = sources.filter((file) => /\.(test|spec)\.tsx?$/.test(file));
  expect(tests.length).toBeGreaterThan(2);
  const held = /^\s*(it|test|describe)(\.\w+)*\.(only|skip|todo|fixme)\b/m;
  expect(tests.filter((file) => held.test(read(file)))).toEqual([]);
});

test('nothing names the machine it was made on', () => {
  const texts = files.filter(
    (file) => !/\.(png|ico|woff2?|jpg|gz|br)$/.test(file) && file !== 'package-lock.json',
  );
  const words = /\/wor[k]\/|\/far[m]\/|bash_job[s]|[.]librar[y]\//;
  expect(texts.filter((file) => words.test(read(file)))).toEqual([]);
});
