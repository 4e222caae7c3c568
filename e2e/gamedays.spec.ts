/** A game day from the page, and a channel that people are told through: both against the real fleet. */
import type { Page } from '@playwright/test';
import { fleetPage, type TestFleet } from './support/fleet.ts';
import { complaints, expect, expectAccessible, test } from './support/test.ts';

const onFleet = fleetPage();
let fleet: TestFleet;
let page: Page;
test.beforeAll(() => {
  ({ fleet, page } = onFleet());
});
const row = (name: string) => page.getByRole('row').filter({ hasText: name }).first();

test('a game day kills a service and scores how long it took', async () => {
  const wrong = complaints(page);
  await page.goto('/game-days');
  await expect(page.getByRole('button', { name: 'Put a fault into cache' })).toBeEnabled();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Put a fault into cache' }).click();
  await page.getByRole('menuitem', { name: /kill/i }).click();
  await page.getByRole('dialog').getByRole('button', { name: /kill/i }).click();
  await expect(page.getByText('The game day of cache runs.')).toBeVisible();
  const result = page.getByRole('table', { name: 'Game days' }).getByRole('row').nth(1);
  await expect(result).toContainText('Recovered', { timeout: 45_000 });
  const [detected, mended, recovered] = (await result.getByRole('cell').allTextContents())
    .map((text) => /^([\d.]+)\u202fs$/.exec(text)?.[1])
    .filter((text) => text !== undefined)
    .map(Number);
  expect(detected).toBeLessThan(20);
  expect(mended).toBeGreaterThanOrEqual(detected ?? Number.POSITIVE_INFINITY);
  expect(recovered).toBeGreaterThanOrEqual(mended ?? Number.POSITIVE_INFINITY);
  expect(recovered).toBeLessThan(30);
  expect(wrong).toEqual([]);
});

test('a webhook channel is added, shows its secret once, and is tested', async () => {
  const wrong = complaints(page);
  await page.goto('/channels');
  await page.getByRole('button', { name: 'Add channel', exact: true }).click();
  const form = page.getByRole('dialog');
  await form.getByLabel('Kind').selectOption('webhook');
  await form.getByRole('button', { name: 'Add channel', exact: true }).click();
  await expect(form.getByLabel('Name', { exact: true })).toHaveAttribute('aria-invalid', 'true');
  await form.getByLabel('Name', { exact: true }).fill('<i>on call</i>');
  await form.getByLabel('URL', { exact: true }).fill(`${fleet.url}/receiver`);
  await form.getByRole('button', { name: 'Add channel', exact: true }).click();
  await expect(page.getByText(/whsec_/)).toBeVisible();
  await page.getByRole('button', { name: 'I stored it', exact: true }).click();
  await expect(page.getByText(/whsec_/)).toHaveCount(0);
  await page.getByRole('button', { name: 'Actions for <i>on call</i>' }).click();
  await page.getByRole('menuitem', { name: /test/i }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Send test', exact: true }).click();
  await expect(dialog).toContainText(/Delivered|202/, { timeout: 15_000 });
  await page.keyboard.press('Escape');
  await page.goto('/channels?tab=deliveries');
  await expect(row('<i>on call</i>')).toContainText('Delivered');
  await expectAccessible(page);
  expect(wrong).toEqual([]);
});
