/** A service of the demo fleet leaks; the page names the class, and an operator looks closer. */
import type { Page } from '@playwright/test';
import { fleetPage, type TestFleet } from './support/fleet.ts';
import { complaints, expect, expectAccessible, test } from './support/test.ts';

const onFleet = fleetPage();
let fleet: TestFleet;
let page: Page;
test.beforeAll(() => {
  ({ fleet, page } = onFleet());
});

test('a leak is named with its class, and its sheet says what was done', async () => {
  test.setTimeout(180_000);
  const wrong = complaints(page);
  await fleet.setFault('search', 'leak');
  await page.goto('/memory');
  const processes = page.getByRole('table', { name: 'Processes' });
  await expect(processes.getByRole('row').filter({ hasText: 'search' })).toBeVisible({
    timeout: 30_000,
  });
  await expect(page.getByText('No leak was found')).toBeVisible();
  const leak = page
    .getByRole('table', { name: 'Leaks' })
    .getByRole('row')
    .filter({ hasText: 'SessionRecord' });
  await expect(leak).toContainText('search', { timeout: 90_000 });
  await expectAccessible(page);
  await leak.click();
  const sheet = page.getByRole('dialog');
  await expect(sheet).toContainText('search leaks memory');
  await expect(sheet).toContainText('Classes that gained objects');
  await expect(sheet.getByText('SessionRecord', { exact: true }).first()).toBeVisible();
  await expect(sheet).toContainText('faults.ts');
  await expectAccessible(page);
  await page.keyboard.press('Escape');
  expect(wrong).toEqual([]);
});

test('an operator watches allocations, and what was seen stands on the page', async () => {
  test.setTimeout(120_000);
  await page.goto('/memory');
  const row = page
    .getByRole('table', { name: 'Processes' })
    .getByRole('row')
    .filter({ hasText: 'payments' });
  await row.click();
  await expect(page.getByRole('heading', { name: /payments/ })).toBeVisible();
  await row.getByRole('button', { name: /^Actions for payments/ }).click();
  await page.getByRole('menuitem', { name: 'Watch allocations' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('For how many seconds').fill('0');
  await expect(dialog).toContainText('A whole number from 1 to 600');
  await dialog.getByLabel('For how many seconds').fill('2');
  await dialog.getByRole('button', { name: 'Watch allocations' }).click();
  await expect(page.getByText('Allocations will be watched.')).toBeVisible();
  const looks = page.getByRole('region', { name: 'Looks at its heap' });
  await expect(looks.getByRole('article').filter({ hasText: 'Done' }).first()).toContainText(
    'Profile',
    { timeout: 60_000 },
  );
});

test('a snapshot needs a reason, and its dialog says what it costs', async () => {
  const row = page
    .getByRole('table', { name: 'Processes' })
    .getByRole('row')
    .filter({ hasText: 'payments' });
  await row.getByRole('button', { name: /^Actions for payments/ }).click();
  await page.getByRole('menuitem', { name: 'Take a heap snapshot' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('must be free');
  await dialog.getByRole('button', { name: 'Take snapshot' }).click();
  await expect(dialog).toContainText('Say why; it is kept in the audit');
  await dialog.getByRole('button', { name: 'Keep as it is' }).click();
});
