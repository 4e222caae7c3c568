import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { describeConfig, loadConfig } from './config.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'wheelhouse-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const secret = 'a secret for tests, long enough to be one';
const base = { WHEELHOUSE_DATA_DIR: folder, WHEELHOUSE_SECRET: secret };
const messageOf = (env: Record<string, string>): string => {
  try {
    loadConfig(env);
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
  return '';
};

test('nothing has to be set', () => {
  const config = loadConfig(base);
  expect(config).toMatchObject({ HOST: '127.0.0.1', PORT: 3000, ROLE: 'all', LOG_LEVEL: 'info' });
  expect(loadConfig({ ...base, PORT: '' }).PORT).toBe(3000);
});

test('all mistakes come together, each with its name, what was found, and what is accepted', () => {
  const message = messageOf({
    ...base,
    PORT: '99999',
    ROLE: 'boss',
    LOG_LEVEL: 'loud',
    WHEELHOUSE_PUBLIC_URL: 'ops.example.com',
    WHEELHOUSE_TRUSTED_PROXIES: '10.0.0.0/99',
    WHEELHOUSE_OIDC_ISSUER: 'https://login.example.com',
    WHEELHOUSE_INIT_ADMIN_EMAIL: 'ada@example.com',
  });
  expect(message).toContain('7 mistakes');
  expect(message).toContain('PORT: found "99999"; accepted: a whole number from 0 to 65535');
  expect(message).toContain('ROLE: found "boss"; accepted: web, worker or all');
  expect(message).toContain('WHEELHOUSE_TRUSTED_PROXIES: found "10.0.0.0/99"');
  expect(message).toContain('WHEELHOUSE_OIDC_CLIENT_ID, WHEELHOUSE_OIDC_CLIENT_SECRET: unset');
  expect(message).toContain('WHEELHOUSE_INIT_ADMIN_PASSWORD: unset');
});

test('a secret is neither in a message nor in the description', () => {
  const message = messageOf({
    ...base,
    WHEELHOUSE_SECRET: 'too short',
    DATABASE_URL: 'mysql://me:hunter2@db/x',
  });
  expect(message).toContain('WHEELHOUSE_SECRET: found a value of 9 characters');
  expect(message).not.toMatch(/too short|hunter2/);
  const config = loadConfig({
    ...base,
    DATABASE_URL: 'postgres://me:hunter2@db/x',
    REDIS_URL: 'redis://:hunter3@r',
  });
  const text = JSON.stringify(describeConfig(config));
  expect(text).not.toMatch(/hunter2|hunter3|a secret for tests/);
  expect(text).toContain('••••••••');
});

test('the environment wins over the file, and the source of each value is known', () => {
  const file = path.join(folder, 'config.json');
  writeFileSync(
    file,
    JSON.stringify({
      PORT: 4000,
      LOG_LEVEL: 'debug',
      WHEELHOUSE_TRUSTED_PROXIES: ['10.0.0.0/8', '::1'],
    }),
  );
  const config = loadConfig({ ...base, WHEELHOUSE_CONFIG: file, PORT: '5000' });
  expect([config.PORT, config.LOG_LEVEL]).toEqual([5000, 'debug']);
  expect(config.WHEELHOUSE_TRUSTED_PROXIES).toEqual(['10.0.0.0/8', '::1']);
  expect(config.sources).toMatchObject({ PORT: 'environment', LOG_LEVEL: 'file', HOST: 'default' });
  writeFileSync(file, JSON.stringify({ PROT: 4000 }));
  expect(messageOf({ ...base, WHEELHOUSE_CONFIG: file })).toContain('PROT (in ');
  writeFileSync(file, '{');
  expect(messageOf({ ...base, WHEELHOUSE_CONFIG: file })).toContain('cannot be read as JSON');
});

test('the secret is made once, whole, and for the owner alone', () => {
  const dataDir = path.join(folder, 'fresh');
  const first = loadConfig({ WHEELHOUSE_DATA_DIR: dataDir });
  const second = loadConfig({ WHEELHOUSE_DATA_DIR: dataDir });
  expect(first.secret).toBe(second.secret);
  expect(first.secret.length).toBeGreaterThanOrEqual(43);
  expect(first.sources.WHEELHOUSE_SECRET).toBe('generated');
  expect(statSync(path.join(dataDir, 'secret')).mode & 0o777).toBe(0o600);
  expect(readFileSync(path.join(dataDir, 'secret'), 'utf8').trim()).toBe(first.secret);
});

test('processes that start together on an empty folder end up with one secret', async () => {
  const dataDir = path.join(folder, 'race');
  const program = `import { loadConfig } from ${JSON.stringify(path.join(import.meta.dirname, 'config.ts'))};
    process.stdout.write(loadConfig({ WHEELHOUSE_DATA_DIR: ${JSON.stringify(dataDir)} }).secret);`;
  const run = promisify(execFile);
  const made = await Promise.all(
    Array.from({ length: 4 }, () =>
      run(process.execPath, ['--input-type=module', '--eval', program]),
    ),
  );
  expect(new Set(made.map(({ stdout }) => stdout)).size).toBe(1);
  expect(made[0]?.stdout).toMatch(/^[\w-]{43}$/);
  expect(readdirSync(dataDir)).toEqual(['secret']);
});

test('a secret that was cut short is not used, and not shown', () => {
  const dataDir = path.join(folder, 'short');
  mkdirSync(dataDir);
  writeFileSync(path.join(dataDir, 'secret'), 'hunter2');
  const message = messageOf({ WHEELHOUSE_DATA_DIR: dataDir });
  expect(message).toMatch(/has 7 characters, at least 32 are needed/);
  expect(message).not.toContain('hunter2');
});

test('names that every object has are unknown variables too', () => {
  const file = path.join(folder, 'odd.json');
  for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty']) {
    writeFileSync(file, `{"${name}":"x"}`);
    const message = messageOf({ ...base, WHEELHOUSE_CONFIG: file });
    expect([name, message]).toEqual([name, expect.stringContaining(`${name} (in `)]);
  }
});

test('an address with a password is not shown, whatever it is for', () => {
  const message = messageOf({
    ...base,
    WHEELHOUSE_PUBLIC_URL: 'ftp://me:hunter2@ops.example.com',
    WHEELHOUSE_OIDC_ISSUER: 'ldap://me:hunter3@login.example.com',
  });
  expect(message).toContain('2 mistakes');
  expect(message).not.toMatch(/hunter/);
});

test('a data folder that cannot be written is one plain sentence', () => {
  const blocked = path.join(folder, 'a-file');
  writeFileSync(blocked, '');
  const message = messageOf({ WHEELHOUSE_DATA_DIR: path.join(blocked, 'data') });
  expect(message).toMatch(
    /^The data folder .* cannot be written \(E\w+\); make it writable or set WHEELHOUSE_DATA_DIR/,
  );
  expect(message).not.toContain('\n');
  expect(existsSync(path.join(blocked, 'data'))).toBe(false);
});
