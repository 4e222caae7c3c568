/** Breakers from the page, on the real fleet: one opens by itself, is tried and closes; an operator holds another. */
import type { Page } from '@playwright/test';
import { fleetPage, type TestFleet } from './support/fleet.ts';
import { complaints, expect, expectAccessible, test } from './support/test.ts';

const onFleet = fleetPage();
let fleet: TestFleet;
let page: Page;
test.beforeAll(() => {
  ({ fleet, page } = onFleet());
});
const row = (name: string) =>
  page.getByRole('table', { name: 'Breakers' }).getByRole('row').filter({ hasText: name }).first();
const asked = async (name: string) => {
  const service = fleet.services().find((each) => each.name === name);
  const body: { requests: number } = await (await fetch(service?.healthUrl ?? '')).json();
  return body.requests;
};

test('one whose service fails opens, its callers stop, and three trials close it', async () => {
  const wrong = complaints(page);
  await page.goto('/breakers');
  await expect(row('search')).toContainText('Closed', { timeout: 20_000 });
  await expectAccessible(page);
  await fleet.setFault('search', 'errors');
  await expect(row('search')).toContainText('Open', { timeout: 20_000 });
  await expect(page.getByText(/^1 of \d+ breakers open/)).toBeVisible();
  await row('search').getByText('search', { exact: true }).click();
  await expect(page.getByRole('heading', { name: 'search', exact: true })).toBeVisible();
  await expect(page.getByText('Too many calls failed').first()).toBeVisible();
  await expectAccessible(page);
  await fleet.setFault('search', 'none');
  const stopped = await asked('search');
  // Its next trials come after five seconds; until then only checks ask it, and we.
  expect((await asked('search')) - stopped).toBeLessThanOrEqual(3);
  const history = page.getByRole('table', { name: 'History' });
  await expect(history.getByText('All trial calls succeeded').first()).toBeVisible({
    timeout: 30_000,
  });
  await expect(history.getByText('Time for trial calls').first()).toBeVisible();
  await expect(page.getByRole('main').getByText('Closed').first()).toBeVisible();
  expect(wrong).toEqual([]);
});

test('an operator holds one open with a reason, and hands it back', async () => {
  const wrong = complaints(page);
  const reason = 'the <b>vendor</b> moves house';
  await page.goto('/breakers/detail?name=cache');
  await page.getByRole('button', { name: 'Hold open' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Hold open' }).click();
  await expect(dialog.getByText('Say why')).toBeVisible();
  await dialog.getByLabel('Reason').fill(reason);
  await dialog.getByRole('button', { name: 'Hold open' }).click();
  await expect(page.getByText(/^Held open by Administrator/)).toBeVisible();
  await expect(page.getByText(reason).first()).toBeVisible();
  await page.goto('/breakers?show=unwell');
  await expect(row('cache')).toContainText('Held open');
  await row('cache').getByRole('button', { name: 'Actions for cache' }).click();
  await page.getByRole('menuitem', { name: 'Hand back' }).click();
  await page.getByRole('dialog').getByLabel('Reason').fill('done');
  await page.getByRole('dialog').getByRole('button', { name: 'Hand back' }).click();
  await page.goto('/breakers');
  await expect(row('cache')).toContainText('Closed', { timeout: 20_000 });
  expect(wrong).toEqual([]);
});

test('a policy is tried on the past before it is saved', async () => {
  const wrong = complaints(page);
  await page.goto('/breakers/detail?name=search');
  await page.getByRole('button', { name: 'Edit policy' }).click();
  const sheet = page.getByRole('dialog');
  await sheet.getByLabel('Minimum calls').fill('0');
  await sheet.getByLabel('Window, seconds').click();
  await expect(sheet.getByText('A whole number from 1 on.')).toBeVisible();
  await expect(sheet.getByRole('button', { name: 'Try' })).toBeDisabled();
  await sheet.getByLabel('Minimum calls').fill('2');
  await sheet.getByLabel('Range').selectOption('1h');
  // Outcomes are written every five seconds.
  await expect(async () => {
    await sheet.getByRole('button', { name: 'Try' }).click();
    await expect(sheet.getByRole('row', { name: /Would have opened/ })).toContainText('time', {
      timeout: 1_000,
    });
  }).toPass({ timeout: 20_000 });
  await expectAccessible(page);
  await sheet.getByRole('button', { name: 'Save policy' }).click();
  await expect(page.getByText('with at least 2 calls')).toBeVisible();
  expect(wrong).toEqual([]);
});
