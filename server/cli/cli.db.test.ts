import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { faultOf } from '../keys/format.ts';
import { testDatabase, testFolder } from '../platform/testing/index.ts';

const env: NodeJS.ProcessEnv = {
  NODE_ENV: 'production',
  PATH: process.env.PATH,
  DATABASE_URL: await testDatabase(),
  WHEELHOUSE_DATA_DIR: testFolder(),
};
function cli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const program = path.resolve(import.meta.dirname, 'main.ts');
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { env }, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, out, err }),
    );
  });
}

test('help names every command; a wrong line is told what is wrong', async () => {
  const help = await cli('--help');
  expect(help.code).toBe(0);
  for (const name of ['admin create', 'keys create', 'config check', 'audit verify'])
    expect(help.out).toContain(name);
  expect(await cli('keys', 'make')).toMatchObject({
    code: 2,
    err: expect.stringContaining('There is no command "keys make"'),
  });
  expect(await cli('keys', 'create')).toMatchObject({
    code: 2,
    err: expect.stringContaining('--name is missing'),
  });
  expect(await cli('keys', 'create', '--nmae', 'x')).toMatchObject({
    code: 2,
    err: expect.stringContaining('--nmae'),
  });
});
test('an admin is created once, with a password that is long enough', async () => {
  const create = (password: string) =>
    cli('admin', 'create', '--email', 'Ada@Example.com', '--password', password);
  expect(await create('short')).toMatchObject({
    code: 1,
    err: '--password: At least 12 characters\n',
  });
  expect(await create('correct horse battery')).toMatchObject({
    code: 0,
    out: 'Created the admin ada@example.com.\n',
  });
  expect(await create('correct horse battery')).toMatchObject({
    code: 1,
    err: expect.stringContaining('already an account'),
  });
});
test('--json prints JSON and nothing else', async () => {
  const made = await cli(
    'keys',
    'create',
    '--name',
    'bot',
    '--role',
    'operator',
    '--scopes',
    'metrics:read,ingest',
    '--json',
  );
  const { id, key } = JSON.parse(made.out);
  expect([made.code, typeof id, faultOf(key), made.err]).toEqual([0, 'string', null, '']);
  expect(await cli('keys', 'create', '--name', 'x', '--role', 'king')).toMatchObject({
    code: 1,
    err: expect.stringContaining('--role'),
  });
});
test('the audit log is proved in the database and from an export', async () => {
  expect(await cli('audit', 'verify')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^The chain is whole: 2 entries/),
  });
  const { out } = await cli('audit', 'export');
  const file = path.join(testFolder(), 'audit.jsonl');
  writeFileSync(file, out);
  expect(await cli('audit', 'verify', '--file', file)).toMatchObject({
    code: 0,
    out: expect.stringContaining('2 entries'),
  });
  writeFileSync(file, out.replace('users.create', 'users.remove'));
  expect(await cli('audit', 'verify', '--file', file, '--json')).toMatchObject({
    code: 1,
    out: expect.stringContaining('"ok":false'),
  });
});
test('config check says what answers', async () => {
  const { code, out } = await cli('config', 'check', '--json');
  expect(code).toBe(0);
  const { checks, settings } = JSON.parse(out);
  expect(checks.find((check: { name: string }) => check.name === 'DATABASE_URL').detail).toMatch(
    /^PostgreSQL 18/,
  );
  expect(JSON.stringify(settings)).not.toContain(env.DATABASE_URL);
});
test('keys are rotated, revoked and listed; what is wrong is said', async () => {
  const made = JSON.parse((await cli('keys', 'create', '--name', 'turns', '--json')).out);
  const rotated = JSON.parse((await cli('keys', 'rotate', '--id', made.id, '--json')).out);
  expect([rotated.version, faultOf(rotated.key)]).toEqual([2, null]);
  expect(await cli('keys', 'rotate', '--id', made.id)).toMatchObject({
    code: 1,
    err: expect.stringContaining('End version 1 first'),
  });
  await cli('keys', 'revoke', '--id', made.id, '--version', '1');
  expect((await cli('keys', 'list')).out).toMatch(/active +viewer +v2 +never used +turns/);
  expect(await cli('keys', 'revoke', '--id', 'x')).toMatchObject({
    code: 1,
    err: expect.stringContaining('--id'),
  });
}, 60_000);
