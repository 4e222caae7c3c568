/** What the console is for: something real breaks, it notices, heals it, tells once, and shows the whole story. */
import { createServer } from 'node:net';
import type { Page } from '@playwright/test';
import { startTestFleet, type TestFleet } from './support/fleet.ts';
import { complaints, expect, expectAccessible, test } from './support/test.ts';

let fleet: TestFleet;
test.beforeAll(async ({ console: system }) => {
  fleet = await startTestFleet();
  await fleet.register(system);
});
test.afterAll(() => fleet?.close());

type Received = { event: { type: string; subject: string; data: { title: string } } };
const received = async (about: string): Promise<string[]> => {
  const answer = await fetch(`${fleet.url}/receiver`, {
    headers: { authorization: `Bearer ${fleet.token}` },
  });
  const { items } = (await answer.json()) as { items: Received[] };
  return items
    .filter(({ event }) => JSON.stringify(event.data).includes(about))
    .map(({ event }) => event.type.split('.').at(-1) ?? '');
};
const row = (page: Page, name: string) => page.getByRole('row').filter({ hasText: name }).first();
/** A marker that a reload would wipe out. */
const mark = (page: Page) => page.evaluate(() => Object.assign(window, { untouched: true }));
const unreloaded = (page: Page) => page.evaluate(() => 'untouched' in window);

test('a killed service is seen down, restarted, verified and told of, on the page and without a reload', async ({
  signedIn: page,
}) => {
  const wrong = complaints(page);
  await page.goto('/health');
  await expect(row(page, 'payments')).toContainText('Healthy');
  await mark(page);
  const killedAt = Date.now();
  await fleet.setFault('payments', 'kill');
  await expect(row(page, 'payments')).toContainText('Down', { timeout: 20_000 });
  await expect(row(page, 'payments')).toContainText('Healthy', { timeout: 30_000 });
  const took = Date.now() - killedAt;
  expect(took).toBeLessThan(30_000);
  expect(await unreloaded(page)).toBe(true);

  await row(page, 'payments').click();
  await expect(page.getByRole('heading', { level: 1, name: 'payments' })).toBeVisible();
  await expect(page.getByText('Verified').first()).toBeVisible();
  await expect(page.getByText(/up again after/)).toBeVisible();
  await page.getByRole('link', { name: 'payments is down' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'payments is down' })).toBeVisible();
  const timeline = page.getByRole('list', { name: 'Timeline' });
  for (const step of ['Opened', 'attempt 1 of 3', 'verified', 'Recovered', 'Resolved']) {
    await expect(timeline).toContainText(step);
  }
  await expectAccessible(page);
  await expect
    .poll(() => received('payments is down'), { timeout: 15_000 })
    .toEqual(['trigger', 'resolve']);
  expect(wrong).toEqual([]);
});

test('a remedy that needs approval waits for one click', async ({ signedIn: page }) => {
  await page.goto('/health');
  await row(page, 'search').click();
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await page.getByLabel('Mode').selectOption('approval');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByText('search is saved.')).toBeVisible();
  await expect(page.getByText(/^By approval: webhook/)).toBeVisible();
  await mark(page);
  await fleet.setFault('search', 'errors');
  await expect(page.getByText('Waits for approval')).toBeVisible({ timeout: 30_000 });
  await page.getByRole('button', { name: 'Approve', exact: true }).click();
  await expect(page.getByText('Verified').first()).toBeVisible({ timeout: 30_000 });
  expect(await unreloaded(page)).toBe(true);
});

test('a child of a target that is down says why it does not alert', async ({ signedIn: page }) => {
  // A port that accepts, until it does not.
  const parent = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => parent.listen(0, '127.0.0.1', resolve));
  const address = parent.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const add = async (name: string, dependsOn: string | null) => {
    await page.goto('/health');
    await page.getByRole('button', { name: 'Add target', exact: true }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('Kind', { exact: true }).selectOption('tcp');
    await form.getByLabel('Name', { exact: true }).fill(name);
    await form.getByLabel('Address').fill('127.0.0.1');
    await form.getByLabel('Address').blur();
    await expect(form.getByText(/The port is missing/)).toBeVisible();
    await form.getByLabel('Address').fill(`127.0.0.1:${port}`);
    await form.getByLabel('Check every (seconds)').fill('5');
    await form.getByRole('button', { name: 'Check now', exact: true }).click();
    await expect(form.getByText(/Good: the port accepts connections/)).toBeVisible();
    if (dependsOn) {
      await form.getByText('Expectations, dependencies and limits').click();
      await form.getByLabel('Depends on').selectOption({ label: dependsOn });
    }
    await form.getByRole('button', { name: 'Add target', exact: true }).click();
    await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
    await expect(page.getByText('Healthy').first()).toBeVisible({ timeout: 15_000 });
  };
  await add('<b>rack</b> switch', null);
  await add('host behind it', '<b>rack</b> switch');
  await new Promise((resolve) => parent.close(resolve));
  await expect(page.getByText(/Alerts are held back\. <b>rack<\/b> switch/)).toBeVisible({
    timeout: 40_000,
  });
  await expect(page.getByText('None so far.')).toBeVisible();
  await page.goto('/incidents');
  await row(page, '<b>rack</b> switch is down').click();
  await expect(page.getByRole('list', { name: 'Timeline' })).toContainText(
    'host behind it is down too',
  );
  await expect.poll(() => received('rack'), { timeout: 15_000 }).toEqual(['trigger']);
  await page.getByRole('button', { name: 'Acknowledge', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Acknowledge', exact: true }).click();
  await expect(page.getByText('Acknowledged').first()).toBeVisible();
  await page.getByRole('button', { name: 'Resolve', exact: true }).click();
  await page.getByRole('dialog').getByLabel('Note').fill('the switch is replaced tomorrow');
  await page.getByRole('dialog').getByRole('button', { name: 'Resolve', exact: true }).click();
  await expect(page.getByText('the switch is replaced tomorrow')).toBeVisible();
  await expect
    .poll(() => received('rack'), { timeout: 15_000 })
    .toEqual(['trigger', 'acknowledge', 'resolve']);
});

test('the palette finds a target and opens it', async ({ signedIn: page }) => {
  await page.getByRole('button', { name: 'Search and commands' }).click();
  await page.getByPlaceholder(/^Search targets/).fill('flaky');
  await page
    .getByRole('option')
    .filter({ hasText: 'flaky' })
    .filter({ hasText: 'healthy' })
    .click();
  await expect(page.getByRole('heading', { level: 1, name: 'flaky' })).toBeVisible();
});

test('healing is paused with a banner on every page, and goes on', async ({ signedIn: page }) => {
  await page.goto('/health');
  await page.getByRole('button', { name: 'Pause healing', exact: true }).click();
  await page.getByLabel('Reason').fill('a release');
  await page
    .getByRole('dialog')
    .getByRole('button', { name: 'Pause healing', exact: true })
    .click();
  await expect(page.getByText(/Healing is paused for the whole fleet.*a release/)).toBeVisible();
  await page.goto('/audit');
  await expect(page.getByText(/Healing is paused for the whole fleet/)).toBeVisible();
  await page.getByRole('link', { name: 'Resume on Health' }).click();
  await page.getByRole('button', { name: 'Resume healing', exact: true }).click();
  await page
    .getByRole('dialog')
    .getByRole('button', { name: 'Resume healing', exact: true })
    .click();
  await expect(page.getByText(/Healing is paused/)).toHaveCount(0);
});

test('a maintenance window is planned, shows on the target, and is ended', async ({
  signedIn: page,
}) => {
  await page.goto('/maintenance');
  await page.getByRole('button', { name: 'Plan window', exact: true }).first().click();
  await page.getByLabel('Name', { exact: true }).fill('flaky upgrade');
  await page.getByLabel('Targets').selectOption({ label: 'flaky' });
  await page.getByRole('dialog').getByRole('button', { name: 'Plan window', exact: true }).click();
  await expect(row(page, 'flaky upgrade')).toContainText('Active');
  await page.goto('/health');
  await expect(row(page, 'flaky')).toContainText('Maintenance', { timeout: 10_000 });
  await page.goto('/maintenance');
  await page.getByRole('button', { name: 'End now', exact: true }).click();
  await page.getByRole('button', { name: 'End window', exact: true }).click();
  await expect(page.getByText('The window is ended.')).toBeVisible();
  await page.goto('/health');
  await expect(row(page, 'flaky')).toContainText('Healthy', { timeout: 15_000 });
});
