import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Console, startConsole } from '../e2e/support/console.ts';
import { configurationPage } from './config-docs.ts';

const root = path.resolve(import.meta.dirname, '..');
const run = promisify(execFile);
const api = readFileSync(path.join(root, 'docs/api.md'), 'utf8');
const blocks = (language: string) =>
  [...api.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(
    (m) => m[1] ?? '',
  );

describe('the examples of docs/api.md run as they stand', () => {
  let system: Console;
  let env: NodeJS.ProcessEnv;
  beforeAll(async () => {
    system = await startConsole();
    const { key } = JSON.parse(
      await system.cli('keys', 'create', '--name', 'docs', '--role', 'admin', '--json'),
    );
    env = { ...process.env, WHEELHOUSE_URL: system.url, WHEELHOUSE_KEY: key };
  });
  afterAll(() => system?.remove());

  test.each(blocks('sh').map((block, index) => ({ index, block })))(
    'shell example $index',
    async ({ block }) => {
      const { stdout } = await run('bash', ['-ec', block], { env });
      expect(stdout).toMatch(/"result":\{"data":|event: frame/);
    },
  );

  test('the typed client', async () => {
    const [source = ''] = blocks('ts');
    const file = path.join(root, `.docs-example-${process.pid}.ts`);
    writeFileSync(file, source);
    try {
      const { stdout } = await run(process.execPath, [file], { env });
      expect(stdout).toMatch(/^\d+\.\d+\.\d+ embedded \d+\n$/);
    } finally {
      rmSync(file);
    }
  });
});

test('docs/operations/configuration.md is what the schema says', () => {
  const page = readFileSync(path.join(root, 'docs/operations/configuration.md'), 'utf8');
  expect(page).toBe(configurationPage());
});

test('every relative link in the documents leads somewhere', () => {
  const documents = ['README.md', 'CONTRIBUTING.md'].concat(
    readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => path.join('docs', file)),
  );
  expect(documents.length).toBeGreaterThan(10);
  const broken = documents.flatMap((document) =>
    [...readFileSync(path.join(root, document), 'utf8').matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1] ?? '')
      .filter(
        (link) =>
          !statSync(path.join(root, path.dirname(document), link), { throwIfNoEntry: false }),
      )
      .map((link) => `${document}: ${link}`),
  );
  expect(broken).toEqual([]);
});
