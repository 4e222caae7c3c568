/** Figures come in, are asked for, kept, put on a dashboard, and what was refused is told. */
import type { Page } from '@playwright/test';
import type { Console } from './support/console.ts';
import { complaints, expect, expectAccessible, test } from './support/test.ts';

const MINUTE = 60_000;
let now = 0;

async function send(system: Console, samples: object[]) {
  const made = await system.cli('keys', 'create', '--name', 'in', '--scopes', 'ingest', '--json');
  const { key }: { key: string } = JSON.parse(made);
  const answer = await fetch(`${system.url}/api/trpc/metrics.ingest`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ samples }),
  });
  expect(answer.status).toBe(200);
}

test.beforeAll(async ({ console: system }) => {
  now = Date.now();
  const samples: object[] = [];
  for (let minute = 110; minute >= 0; minute--) {
    const at = new Date(now - minute * MINUTE).toISOString();
    for (const [index, route] of ['/cart', '/checkout', '/search'].entries()) {
      const slow = route === '/search' && minute === 30 ? 2 : 0;
      const value = 0.1 * (index + 1) + slow + (minute % 5) / 100;
      samples.push({ metric: 'shop_request_seconds', at, value, labels: { route, zone: 'eu' } });
    }
  }
  samples.push(
    { metric: 'shop_request_seconds', value: 'fast' },
    { metric: 'no spaces', value: 1 },
  );
  await send(system, samples);
});

const chart = (page: Page) => page.getByRole('img', { name: /^shop_request_seconds/ });
const legend = (page: Page) => page.getByRole('region', { name: 'Legend' });

async function pickMetric(page: Page, search: string, name: string) {
  await page.getByRole('combobox', { name: 'Metric' }).fill(search);
  await page.getByRole('option').filter({ hasText: name }).first().click();
}

test('a metric is found, grouped, filtered, looked into, kept and shared', async ({
  signedIn: page,
}) => {
  const wrong = complaints(page);
  await page.goto('/explore');
  await expect(page.getByRole('heading', { name: 'Begin with' })).toBeVisible();
  await pickMetric(page, 'shop_req', 'shop_request_seconds');
  await page.getByLabel('Add to group by').selectOption('route');
  await expect(legend(page).getByRole('row')).toHaveCount(4);
  await expect(chart(page)).toHaveAttribute('aria-label', /\/cart: last .*between/);

  await page.getByRole('button', { name: 'Add filter' }).click();
  await page.getByLabel('Filter 1: field').selectOption('route');
  await page.getByLabel('Filter 1: condition').selectOption('in');
  await page.getByLabel('Filter 1: value').fill('/cart, /search');
  await expect(legend(page).getByRole('row')).toHaveCount(3);
  await page.getByLabel('Compare with the time before').check();
  await page.getByLabel('Drawn as').selectOption('area');

  // The link holds all of it.
  await expect(page).toHaveURL(/shape=area/);
  const link = page.url();
  await page.goto('/');
  await page.goto(link);
  await expect(legend(page).getByRole('row')).toHaveCount(3);
  await expect(page.getByLabel('Compare with the time before')).toBeChecked();
  await expect(page.getByLabel('Drawn as')).toHaveValue('area');
  await legend(page).getByRole('button', { name: '/cart' }).click();
  await expect(page).toHaveURL(/hide=/);
  await expectAccessible(page);

  // A press on a point shows the samples behind it.
  const box = await chart(page).boundingBox();
  if (!box) throw new Error('there is no chart');
  await page.mouse.move(box.x + box.width / 2, box.y + box.height - 60);
  await page.mouse.down();
  await page.mouse.up();
  const sheet = page.getByRole('dialog', { name: 'Samples behind the point' });
  await expect(sheet.getByRole('table', { name: 'Samples' })).toContainText('route=/search');
  await page.keyboard.press('Escape');

  // Dragging asks for just that stretch.
  await page.mouse.move(box.x + box.width * 0.4, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 100, { steps: 5 });
  await page.mouse.move(box.x + box.width * 0.6, box.y + 100, { steps: 5 });
  // The stretch is drawn before it is taken.
  await expect(page.locator('.recharts-reference-area').first()).toBeAttached();
  await page.mouse.up();
  await expect(page).toHaveURL(/from=\d+&to=\d+|to=\d+.*from=\d+/);
  await page.getByLabel('Range of time').selectOption('1h');

  await page.getByRole('button', { name: 'Table', exact: true }).click();
  await expect(page.getByRole('table', { name: 'shop_request_seconds' })).toContainText('/cart');
  await page.getByRole('button', { name: 'Export' }).click();
  const file = page.waitForEvent('download');
  await page.getByRole('menuitem', { name: /^CSV/ }).click();
  expect((await file).suggestedFilename()).toBe('shop_request_seconds.csv');

  await page.getByRole('button', { name: 'Explain' }).click();
  await expect(page.getByRole('dialog')).toContainText('2 of 3 series of the metric');
  await page.keyboard.press('Escape');

  await page.getByRole('button', { name: 'Add to dashboard' }).click();
  await page.getByLabel('Name of the dashboard').fill('From Explore');
  await page.getByLabel('Title of the panel').fill('Two routes');
  await page.getByRole('dialog').getByRole('button', { name: 'Add panel' }).click();
  await expect(page.getByText('The panel is on the dashboard.')).toBeVisible();

  await page.getByRole('button', { name: 'Save query' }).click();
  await page.getByLabel('Name', { exact: true }).fill('Two routes');
  await page.getByRole('dialog').getByRole('button', { name: 'Save query' }).click();
  await expect(page.getByText('Two routes is saved.')).toBeVisible();
  await page.goto('/explore');
  await page.getByRole('button', { name: /^Two routes/ }).click();
  await expect(legend(page).getByRole('row')).toHaveCount(3);
  await page.getByRole('button', { name: 'Saved queries' }).click();
  await page.getByRole('button', { name: 'Delete Two routes' }).click();
  await page.getByRole('button', { name: 'Delete query' }).click();
  await expect(page.getByText('Two routes is deleted.')).toBeVisible();
  await page.keyboard.press('Escape');

  await page.keyboard.press('Control+k');
  await page.getByPlaceholder(/^Search targets/).fill('shop_request');
  await page.getByRole('option').filter({ hasText: 'shop_request_seconds' }).click();
  await expect(page).toHaveURL(/explore\?metric=shop_request_seconds/);
  await expect(legend(page).getByRole('row')).toHaveCount(2);
  expect(wrong).toEqual([]);
});

test('a query is written as text, in step with the form, and faults are at their place', async ({
  signedIn: page,
}) => {
  await page.goto('/explore?metric=shop_request_seconds');
  await page.getByRole('button', { name: 'Write as text' }).click();
  const text = page.getByLabel('Query as JSON');
  await expect(text).toHaveValue(/"metric": "shop_request_seconds"/);
  const query = JSON.parse(await text.inputValue());
  await text.fill(JSON.stringify({ ...query, aggregations: ['median'] }));
  await text.press('Control+Enter');
  await expect(page.getByText(/aggregations\.0: One of count, sum/)).toBeVisible();
  await text.fill(JSON.stringify({ ...query, aggregations: ['max'], groupBy: ['route'] }));
  await text.press('Control+Enter');
  await expect(legend(page).getByRole('row')).toHaveCount(4);
  await page.getByRole('button', { name: 'Build by hand' }).click();
  await expect(page.getByText('Maximum', { exact: true })).toBeVisible();
  // What only the server can know is told at the field too.
  await page.getByRole('button', { name: 'Add filter' }).click();
  await page.getByLabel('Filter 1: condition').selectOption('regex');
  await page.getByLabel('Filter 1: value').fill('(');
  await expect(page.getByLabel('Filter 1: value')).toHaveAttribute('aria-invalid', 'true');
});

test('a dashboard is made, arranged by keyboard and pointer, saved, and two people do not overwrite each other', async ({
  signedIn: page,
}) => {
  const wrong = complaints(page);
  await page.goto('/dashboards');
  await page.getByRole('row').filter({ hasText: 'Console' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Console' })).toBeVisible();
  await expect(page.getByRole('img', { name: /^Resident memory/ })).toBeVisible({
    timeout: 30_000,
  });
  await expectAccessible(page);

  await page.goto('/dashboards');
  await page.getByRole('button', { name: 'Create dashboard' }).first().click();
  await page.getByLabel('Name', { exact: true }).fill('Shop');
  await page.getByRole('dialog').getByRole('button', { name: 'Create dashboard' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Shop' })).toBeVisible();
  for (const title of ['First', 'Second']) {
    await page.getByRole('button', { name: 'Add panel' }).first().click();
    const sheet = page.getByRole('dialog');
    await page.getByRole('combobox', { name: 'Metric' }).fill('shop_req');
    await expect(page.getByRole('option').first()).toBeVisible();
    await expectAccessible(page);
    await pickMetric(page, 'shop_req', 'shop_request_seconds');
    await sheet.getByLabel('Title').fill(title);
    await sheet.getByRole('button', { name: 'Add panel' }).click();
    await expect(page.getByRole('heading', { level: 2, name: title })).toBeVisible();
  }
  const order = () => page.getByRole('heading', { level: 2 }).allTextContents();
  expect(await order()).toEqual(['First', 'Second']);
  await page.getByRole('button', { name: /^Move Second/ }).focus();
  await page.keyboard.press('ArrowUp');
  await expect.poll(order).toEqual(['Second', 'First']);
  await page.getByRole('button', { name: 'Undo', exact: true }).click();
  await expect.poll(order).toEqual(['First', 'Second']);

  const handle = page.getByRole('button', { name: /^Resize First/ });
  const grip = await handle.boundingBox();
  if (!grip) throw new Error('there is no handle');
  const widthOf = async () =>
    (await page.getByRole('region', { name: 'First' }).boundingBox())?.width ?? 0;
  const before = await widthOf();
  await page.mouse.move(grip.x + 8, grip.y + 8);
  await page.mouse.down();
  await page.mouse.move(grip.x + 400, grip.y + 8, { steps: 8 });
  await page.mouse.up();
  expect(await widthOf()).toBeGreaterThan(before + 200);

  // A link out asks first.
  await page.getByRole('link', { name: /^Health/ }).click();
  await page.getByRole('button', { name: 'Stay here' }).click();
  await page.getByRole('button', { name: 'Save dashboard' }).click();
  await expect(page.getByText('Shop is saved.')).toBeVisible();
  await page.reload();
  expect(await widthOf()).toBeGreaterThan(before + 200);
  await expectAccessible(page);

  // Somebody else saves while this page is being edited.
  await page.getByRole('button', { name: 'Edit dashboard' }).click();
  await page.getByRole('button', { name: 'Remove Second' }).click();
  const id = new URL(page.url()).searchParams.get('id');
  await page.evaluate(
    (target) =>
      fetch('/api/trpc/dashboards.update', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ id: target, version: 2, name: 'Shop of others' }),
      }),
    id,
  );
  await page.getByRole('button', { name: 'Save dashboard' }).click();
  await expect(page.getByText(/Somebody else changed this dashboard/)).toBeVisible();
  await page.getByRole('button', { name: 'Load theirs, drop mine' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Shop of others' })).toBeVisible();
  await expect.poll(order).toEqual(['First', 'Second']);

  // On a phone: one column, in reading order, nothing sideways.
  await page.setViewportSize({ width: 390, height: 844 });
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overflow).toBeLessThanOrEqual(0);
  await page.setViewportSize({ width: 1440, height: 900 });

  await page.goto('/dashboards');
  await page.getByRole('button', { name: 'Actions for Shop of others' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete dashboard' }).click();
  await expect(page.getByText('Shop of others is deleted.')).toBeVisible();
  // The refused save is one line that the browser writes for the 409.
  expect(wrong.filter((line) => !line.includes('409'))).toEqual([]);
});

test('what came in and what was refused is told, with how to send more', async ({
  signedIn: page,
}) => {
  await page.goto('/sources');
  const rejected = page.getByRole('region', { name: 'Rejected samples', exact: true });
  await expect(rejected.getByRole('row')).toHaveCount(3);
  await page.getByRole('button', { name: 'How to send by OpenTelemetry' }).click();
  await expect(page.getByText('OTEL_EXPORTER_OTLP_ENDPOINT')).toBeVisible();
  await expectAccessible(page);
});

test('an endpoint is added, tested, read, paused and removed', async ({
  signedIn: page,
  console: system,
}) => {
  const wrong = complaints(page);
  await page.goto('/sources');
  await page.getByRole('button', { name: 'Add source' }).first().click();
  const form = page.getByRole('dialog');
  await form.getByLabel('Name', { exact: true }).fill('this console');
  await form.getByLabel('Address').fill('nowhere');
  await form.getByRole('button', { name: 'Add source' }).click();
  await expect(form.getByText(/Enter a URL/)).toBeVisible();
  await form.getByLabel('Address').fill(`${system.url}/metrics`);
  await form.getByLabel('Read every (seconds)').fill('2');
  await form.getByText('Labels, headers, time-out and TLS').click();
  await form.getByLabel('Time-out (ms)').fill('1500');
  await form.getByLabel('Labels', { exact: true }).fill('team=ops');
  await expectAccessible(page);
  await form.getByRole('button', { name: 'Add source' }).click();
  await expect(page.getByText('this console is saved.')).toBeVisible();
  const row = page.getByRole('row').filter({ hasText: 'this console' });
  await row.getByRole('button', { name: 'Actions for this console' }).click();
  await page.getByRole('menuitem', { name: 'Test' }).click();
  await expect(page.getByRole('dialog').getByText('Good', { exact: true })).toBeVisible();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
  await expect(row).toContainText('Good', { timeout: 25_000 });

  await page.goto('/explore?metric=up&by=job,team&range=15m');
  await expect(legend(page)).toContainText('job=this console, team=ops');

  await page.goto('/sources');
  await row.getByRole('button', { name: 'Actions for this console' }).click();
  await page.getByRole('menuitem', { name: 'Pause' }).click();
  await page.getByRole('button', { name: 'Pause source' }).click();
  await expect(row).toContainText('Paused');
  await row.getByRole('button', { name: 'Actions for this console' }).click();
  await page.getByRole('menuitem', { name: 'Remove' }).click();
  await page.getByRole('button', { name: 'Remove source' }).click();
  await expect(page.getByText('this console is removed.')).toBeVisible();
  expect(wrong).toEqual([]);
});
