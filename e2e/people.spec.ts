import { expect, signIn, test } from './support/test.ts';

const grace = { email: 'grace@example.com', password: 'a compiler is a translator' };

test('an admin invites, promotes and disables a person, whose session ends at once', async ({
  signedIn: page,
  newPage,
  console: system,
}) => {
  await page.goto('/users');
  await page.getByRole('button', { name: 'Invite', exact: true }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('E-mail').fill('ada@example.com');
  await dialog.getByLabel('Name').fill('<script>alert(1)</script>');
  await dialog.getByRole('button', { name: 'Make the link' }).click();
  await expect(dialog.getByText('There is already an account for ada@example.com.')).toBeVisible();
  await dialog.getByLabel('E-mail').fill(grace.email);
  await dialog.getByRole('button', { name: 'Make the link' }).click();
  const link = await page.getByTestId('invite-link').innerText();
  await page.getByRole('button', { name: 'I stored it' }).click();
  await expect(page.getByText('<script>alert(1)</script>').first()).toBeVisible();

  const other = await newPage();
  await test.step('the invited person accepts, and sees what a viewer sees', async () => {
    await other.goto(system.url + new URL(link).pathname + new URL(link).search);
    await other.getByLabel('Name').fill('Grace Hopper');
    await other.getByLabel('Password', { exact: true }).fill(grace.password);
    await other.locator('button[type=submit]').click();
    await expect(other.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
    await other.goto('/audit');
    await expect(other.getByText(/needs? .*admin/i).first()).toBeVisible();
  });
  const choose = async (item: string) => {
    await page.getByRole('button', { name: 'Actions for Grace Hopper' }).click();
    await page.getByRole('menuitem', { name: item }).click();
  };
  await test.step('the list follows by itself, and the role counts in the open session', async () => {
    await choose('Change role');
    await page.getByRole('dialog').getByLabel('Role').selectOption('admin');
    await page.getByRole('button', { name: 'Change role' }).last().click();
    await expect(page.getByText('Grace Hopper is admin now.')).toBeVisible();
    await other.goto('/audit');
    await expect(other.getByRole('row').filter({ hasText: 'users.setRole' })).toBeVisible();
  });
  await test.step('disabling ends the session within a second, undo brings the account back', async () => {
    await choose('Disable account');
    await page.getByRole('dialog').getByRole('button', { name: 'Disable', exact: true }).click();
    await expect(page.getByText('Grace Hopper is disabled.')).toBeVisible();
    await expect
      .poll(async () => (await other.request.get(`${system.url}/api/trpc/users.me`)).status(), {
        timeout: 1_500,
      })
      .toBe(401);
    await expect(other).toHaveURL(/\/sign-in/, { timeout: 10_000 });
    await page.getByRole('button', { name: 'Undo' }).click();
    await signIn(other, grace);
  });
});

test('a person ends another of their sessions', async ({
  signedIn: page,
  newPage,
  console: system,
}) => {
  const other = await newPage();
  await signIn(other);
  await page.goto('/sessions');
  await page.getByRole('button', { name: 'End other sessions' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'End other sessions' }).click();
  await expect
    .poll(async () => (await other.request.get(`${system.url}/api/trpc/users.me`)).status(), {
      timeout: 1_500,
    })
    .toBe(401);
  await expect(other).toHaveURL(/\/sign-in/, { timeout: 10_000 });
  const mine = await page.request.get(`${system.url}/api/trpc/users.me`);
  expect(mine.status()).toBe(200);
});

test('a wrong password is refused, and repeated ones lock the account', async ({ newPage }) => {
  const page = await newPage();
  await page.goto('/sign-in');
  for (let attempt = 0; attempt < 6; attempt++) {
    await page.getByLabel('E-mail').fill('nobody@example.com');
    await page.getByLabel('Password', { exact: true }).fill('not the password');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await expect(page.getByRole('alert').filter({ hasText: /./ }).first()).toBeVisible();
  }
  await expect(
    page
      .getByRole('alert')
      .filter({ hasText: /locked|wait|try again in/i })
      .first(),
  ).toBeVisible();
});

test('the audit log filters by link, shows what changed, and proves itself', async ({
  signedIn: page,
}) => {
  await page.goto('/audit?action=users.setRole');
  const rows = page.getByRole('row');
  await expect(rows.filter({ hasText: 'users.setRole' })).toHaveCount(1);
  await expect(rows.filter({ hasText: 'users.invite' })).toHaveCount(0);
  await rows.filter({ hasText: 'users.setRole' }).click();
  const sheet = page.getByRole('dialog');
  await expect(sheet.getByText('viewer')).toBeVisible();
  await expect(sheet.getByText('role:admin')).toBeVisible();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Verify chain' }).click();
  await expect(page.getByText('Chain is whole')).toBeVisible();
});
