import { type Console, startConsole } from './support/console.ts';
import { complaints, expect, expectAccessible, test } from './support/test.ts';

test.describe('a new console', () => {
  let system: Console;
  test.beforeAll(async () => {
    system = await startConsole();
  });
  test.afterAll(() => system?.remove());

  test('the set-up link makes the admin, who sees live figures, searches, changes the theme and leaves', async ({
    page,
  }) => {
    const wrong = complaints(page);
    expect(system.setupUrl).not.toBeNull();
    await page.goto(system.setupUrl ?? '');
    await expectAccessible(page);

    await test.step('bad input is named at its field', async () => {
      await page.getByLabel('E-mail').fill('not an address');
      await page.getByLabel('Name').fill('Ada Lovelace');
      await page.getByLabel('Password', { exact: true }).fill('short');
      await page.getByRole('button', { name: 'Create admin' }).click();
      await expect(page.getByText('At least 12 characters').first()).toBeVisible();
      expect(page.url()).toContain('/setup');
    });
    await page.getByLabel('E-mail').fill('ada@example.com');
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
    await page.getByRole('button', { name: 'Create admin' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();

    await test.step('figures change by themselves', async () => {
      await expect(page.getByText('live', { exact: true }).first()).toBeVisible();
      const main = page.getByRole('main');
      await expect(main.getByText('Requests', { exact: true }).first()).toBeVisible();
      const before = await main.innerText();
      await expect.poll(() => main.innerText(), { timeout: 10_000 }).not.toBe(before);
    });
    await test.step('the palette opens by keyboard and leads to a page', async () => {
      await page.keyboard.press('Control+k');
      const palette = page.getByRole('dialog');
      await expect(palette).toBeVisible();
      await page.keyboard.type('audit');
      await page.keyboard.press('Enter');
      await expect(page.getByRole('heading', { level: 1, name: 'Audit' })).toBeVisible();
      await expect(page.getByRole('row').filter({ hasText: 'users.create' })).toBeVisible();
    });
    await test.step('the theme changes and stays', async () => {
      const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      await page.emulateMedia({ colorScheme: 'light' });
      const light = await background();
      await page.getByRole('button', { name: 'Theme' }).click();
      await page.getByRole('menuitemradio', { name: 'Dark' }).click();
      await expect.poll(background).not.toBe(light);
      const dark = await background();
      await page.reload();
      expect(await background()).toBe(dark);
    });
    await test.step('signing out ends the session', async () => {
      const cookies = await page.context().cookies();
      await page.getByRole('button', { name: 'Account' }).click();
      await page.getByRole('menuitem', { name: 'Sign out' }).click();
      await expect(page).toHaveURL(/\/sign-in/);
      await page.context().addCookies(cookies);
      const answer = await page.request.get(`${system.url}/api/trpc/users.me`);
      expect(answer.status()).toBe(401);
    });
    await test.step('the set-up link has ended', async () => {
      await page.goto(system.setupUrl ?? '');
      await expect(page.getByText('The first admin exists already')).toBeVisible();
      await expect(page.getByRole('button', { name: 'Create admin' })).toHaveCount(0);
    });
    expect(wrong).toEqual([]);
  });
});
