import { expect, test } from './support/test.ts';

test('an admin forbids a script a tool after seeing what that changes, sees why it is denied, and takes it back', async ({
  console: system,
  signedIn: page,
}) => {
  const made = JSON.parse(
    await system.cli('keys', 'create', '--name', 'deployer', '--role', 'operator', '--json'),
  );
  const force = async () => {
    const answer = await fetch(`${system.url}/api/trpc/breakers.upsert`, {
      method: 'POST',
      headers: { authorization: `Bearer ${made.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'shop' }),
    });
    const body = await answer.json();
    return [answer.status, body.error?.message ?? null];
  };
  expect(await force()).toEqual([200, null]);

  await page.goto('/policies');
  await expect(page.getByText('No rule yet')).toBeVisible();
  await page.getByRole('button', { name: 'Add rule' }).first().click();
  const sheet = page.getByRole('dialog');
  await sheet.getByLabel('Name').fill('Hands off <b>breakers</b>');
  await sheet.getByLabel('Who').fill('deployer');
  await sheet.getByLabel('Tool').fill('breakers.*');
  await sheet.getByLabel('Why').fill('Ask the team first.');
  await sheet.getByRole('button', { name: 'Add rule' }).click();
  await expect(
    sheet.getByText(/role:operator, key:ID, user:EMAIL, token:SUBJECT or agent:NAME/),
  ).toBeVisible();
  await sheet.getByLabel('Who').fill(`key:${made.id}`);
  const changes = sheet.getByRole('region', { name: 'What would change' });
  await expect(changes.getByText('breakers.upsert')).toBeVisible();
  await sheet.getByRole('button', { name: 'Add rule' }).click();
  await expect(sheet).toBeHidden();
  await expect(
    page.getByRole('table', { name: 'Rules' }).getByText('Hands off <b>breakers</b>'),
  ).toBeVisible();
  expect(await force()).toEqual([
    403,
    'The policy “Hands off <b>breakers</b>” denies it. Ask the team first.',
  ]);

  await page.getByRole('button', { name: 'Who can do what' }).click();
  await page.getByLabel('Find a tool').fill('breakers.force');
  const row = page.getByRole('row', { name: /breakers\.force/ });
  await expect(row.getByText('Denied')).toBeVisible();
  await expect(row.getByText('Yes').first()).toBeVisible();

  await page.getByRole('button', { name: 'Why was this denied' }).click();
  await page.getByRole('table', { name: 'Denials' }).getByText('breakers.upsert').first().click();
  await expect(
    page.getByRole('dialog').getByText(/Rule “Hands off <b>breakers<\/b>”: deny key:/),
  ).toBeVisible();
  await page.keyboard.press('Escape');

  await page.getByRole('button', { name: 'Try it' }).click();
  await page.getByLabel('Who').fill('agent:bot');
  await page.getByLabel('Tool').fill('deploy');
  await page.getByRole('button', { name: 'Decide' }).click();
  await expect(page.getByText('No rule speaks of it')).toBeVisible();

  // With nothing allowed the page that takes it back still works.
  await page.getByRole('button', { name: 'Change default' }).click();
  await page.getByRole('dialog').getByLabel('Reason').fill('freeze');
  await page.getByRole('dialog').getByRole('button', { name: 'Set to deny' }).click();
  await expect(page.getByText('Default: deny')).toBeVisible();
  await page.goto('/policies');
  await page.getByRole('button', { name: 'Change default' }).click();
  await page.getByRole('dialog').getByLabel('Reason').fill('over');
  await page.getByRole('dialog').getByRole('button', { name: 'Set to allow' }).click();
  await expect(page.getByText('Default: allow')).toBeVisible();

  await page.getByRole('button', { name: 'Actions for Hands off <b>breakers</b>' }).click();
  await page.getByRole('menuitem', { name: 'Remove' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove rule' }).click();
  await expect(page.getByText('No rule yet')).toBeVisible();
  expect(await force()).toEqual([200, null]);
});

test('the security checklist says what is set up, and follows what an admin changes', async ({
  console: system,
  signedIn: page,
}) => {
  await page.goto('/security');
  const line = (title: string) => page.getByRole('listitem').filter({ hasText: title });
  await expect(line('Default of the policies').getByText('allow, 0 rules')).toBeVisible();
  await expect(line('Secret of this installation').getByText(/mode 600/)).toBeVisible();
  const wide = line('Admin keys without scopes');
  // Other flows may have made some on this console.
  const before = Number(await wide.locator('p.font-mono').textContent());
  await system.cli('keys', 'create', '--name', 'everything', '--role', 'admin');
  await page.reload();
  await expect(wide.locator('p.font-mono')).toHaveText(String(before + 1));
  await expect(wide.getByText('To look at')).toBeVisible();
  await expect(wide.getByText('Give them the scopes they need')).toBeVisible();

  await page.goto('/audit');
  await page.getByRole('button', { name: 'Verify chain' }).click();
  await expect(page.getByText('Chain is whole')).toBeVisible();
  await page.goto('/security');
  await expect(line('Audit log proved whole').getByText(/entries are whole/)).toBeVisible();
  await page.getByLabel('Show').selectOption('warn');
  await expect(line('Audit log proved whole')).toHaveCount(0);
  await expect(line('Ways to sign in')).toBeVisible();
});
