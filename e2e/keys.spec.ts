import { readFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { complaints, expect, test } from './support/test.ts';

// A console of its own: this one's audit log is tampered with in the end.
test.use({ consoleEnv: { WHEELHOUSE_ENVIRONMENT: 'keys' } });

test('a key is made, used, rotated, its old version traced, rehearsed and ended; the audit log proves it all', async ({
  console: system,
  signedIn: page,
}) => {
  const wrong = complaints(page);
  const ask = async (key: string) => {
    const answer = await fetch(`${system.url}/api/trpc/system.info`, {
      headers: { authorization: `Bearer ${key}` },
    });
    const body = await answer.json();
    return { status: answer.status, detail: body.detail ?? null };
  };
  const stored = async () => {
    const key = await page.getByTestId('new-key').textContent();
    await page.getByRole('button', { name: 'I stored it' }).click();
    await expect(page.getByRole('dialog')).toBeHidden();
    return key ?? '';
  };

  await page.goto('/keys');
  await expect(page.getByText('No key yet')).toBeVisible();
  await page.getByRole('button', { name: 'Create key' }).first().click();
  const sheet = page.getByRole('dialog');
  await sheet.getByRole('button', { name: 'Create key' }).click();
  await expect(sheet.getByText('Enter a name')).toBeVisible();
  await sheet.getByLabel('Name', { exact: true }).fill('<img src=x onerror=alert(1)> deploys');
  await sheet.getByLabel('Role').selectOption('operator');
  await sheet.getByLabel('Add to scopes', { exact: true }).selectOption('system.*');
  await sheet.getByText('End, rotation, rate and networks').click();
  await sheet.getByLabel('Accepted from').fill('127.0.0.0/8 nonsense');
  await sheet.getByRole('button', { name: 'Create key' }).click();
  await expect(sheet.getByText(/Enter an address or a network/)).toBeVisible();
  await sheet.getByLabel('Accepted from').fill('127.0.0.0/8');
  await sheet.getByRole('button', { name: 'Create key' }).click();
  const first = await stored();
  expect(first).toMatch(/^wh_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/);
  expect(await ask(first)).toEqual({ status: 200, detail: null });

  await page.getByRole('table', { name: 'Keys' }).getByText('deploys').click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('deploys');
  await page.getByRole('button', { name: 'Rotate' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Make version 2' }).click();
  const second = await stored();
  expect((await ask(first)).status).toBe(200);
  expect((await ask(second)).status).toBe(200);

  // A third one would make three that are accepted.
  await page.getByRole('button', { name: 'Rotate' }).click();
  await expect(page.getByRole('dialog')).toContainText('End version 1 first');
  await page.getByRole('button', { name: 'Keep as it is' }).click();

  await expect(page.getByText('Version 1 is still used from 1 address.')).toBeVisible();
  const users = page.getByRole('table', { name: 'Who uses it' });
  await expect(users.getByRole('row', { name: /v1, old 127\.0\.0\.1/ })).toContainText(
    'system.info',
  );

  await page.getByRole('button', { name: 'Rehearse' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Begin the rehearsal' }).click();
  await expect(page.getByText('Nobody has met it yet.')).toBeVisible();
  const met = await ask(first);
  expect([met.status, met.detail]).toEqual([401, expect.stringContaining('rehearsal')]);
  expect((await ask(second)).status).toBe(200);
  await expect(page.getByText(/Somebody met it last/)).toBeVisible();
  await page.getByRole('button', { name: 'End the rehearsal' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'End the rehearsal' }).click();
  await expect(page.getByText(/Somebody met it last/)).toBeHidden();
  expect((await ask(first)).status).toBe(200);

  await page.getByRole('button', { name: 'End when quiet' }).click();
  await page.getByRole('dialog').getByLabel('Quiet for').selectOption('3 days');
  await page.getByRole('dialog').getByRole('button', { name: 'Set' }).click();
  await expect(page.getByText('or once quiet for 3 days')).toBeVisible();

  await page.getByRole('button', { name: 'End version 1' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'End version 1' }).click();
  await expect(page.getByRole('row', { name: /^1 Ended/ })).toContainText('Administrator');
  expect(await ask(first)).toEqual({
    status: 401,
    detail: 'This version of the API key has ended. Use the newer one.',
  });
  expect((await ask(second)).status).toBe(200);

  await page.getByRole('link', { name: 'Its entries in the audit log' }).click();
  const audit = page.getByRole('table');
  for (const action of ['create', 'rotate', 'rehearse', 'endWhenQuiet', 'endVersion'])
    await expect(audit.getByText(`keys.${action}`, { exact: true }).first()).toBeVisible();
  expect(wrong).toEqual([]);

  expect(await system.cli('audit', 'verify')).toContain('The chain is whole');
  const folder = (name: string) => readFileSync(path.join(system.dataDir, name), 'utf8');
  const database = new pg.Client({
    host: '127.0.0.1',
    port: Number(folder('postgres/postmaster.pid').split('\n')[3]),
    user: 'wheelhouse',
    password: folder('postgres.password').trim(),
    database: 'wheelhouse',
  });
  await database.connect();
  await database.query('ALTER TABLE audit_entries DISABLE TRIGGER USER');
  await database.query(
    `UPDATE audit_entries SET actor_name = 'somebody else' WHERE action = 'keys.endVersion'`,
  );
  await database.query('ALTER TABLE audit_entries ENABLE TRIGGER USER');
  await database.end();
  await expect(system.cli('audit', 'verify')).rejects.toMatchObject({
    stdout: expect.stringContaining('The chain is broken'),
  });
});
