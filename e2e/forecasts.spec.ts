/** A series is forecast from a week of hours and read against the naive floor; a volume that grows gets its date. */
import { z } from 'zod';
import type { Console } from './support/console.ts';
import { complaints, expect, expectAccessible, test } from './support/test.ts';

const HOUR = 3_600_000;
const GiB = 1024 ** 3;
let key = '';
const idSchema = z.object({ result: z.object({ data: z.object({ id: z.string() }) }) });

const saved: string[] = [];

async function call(system: Console, name: string, body: object): Promise<unknown> {
  const answer = await fetch(`${system.url}/api/trpc/${name}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.status, await answer.clone().text()).toBe(200);
  return answer.json();
}

test.beforeAll(async ({ console: system }) => {
  const made = await system.cli(
    ...['keys', 'create', '--name', 'in', '--role', 'operator', '--scopes', 'ingest', '--json'],
  );
  ({ key } = JSON.parse(made));
  const hour = Math.floor(Date.now() / HOUR) * HOUR;
  const samples: object[] = [];
  for (let back = 160; back >= 0; back--) {
    const at = new Date(hour - back * HOUR).toISOString();
    const daily = Math.sin(((160 - back) / 24) * 2 * Math.PI);
    const uneven = Math.sin(back * 12.9898) * 3;
    samples.push(
      { metric: 'shop_orders', at, value: 100 + 40 * daily + uneven },
      { metric: 'shop_volume_bytes', at, value: (300 - back / 12 + uneven / 30) * GiB },
    );
  }
  await call(system, 'metrics.ingest', { samples });
  for (const metric of ['shop_orders', 'shop_volume_bytes']) {
    const made = await call(system, 'metrics.saved.create', {
      name: metric.replaceAll('_', ' '),
      query: { metric, timeRange: '24h', step: '1h', aggregations: ['avg'] },
    });
    saved.push(idSchema.parse(made).result.data.id);
  }
});
// Other flows look at what is saved.
test.afterAll(async ({ console: system }) => {
  for (const id of saved) await call(system, 'metrics.saved.remove', { id });
});

test('a forecast is added, made, and read against the naive floor', async ({ signedIn: page }) => {
  const wrong = complaints(page);
  await page.goto('/forecasts');
  await expect(page.getByText('Nothing is forecast yet')).toBeVisible();
  await page.getByRole('button', { name: 'Add forecast' }).first().click();
  const sheet = page.getByRole('dialog', { name: 'Add a forecast' });
  await sheet.getByRole('button', { name: 'Add forecast' }).click();
  await expect(sheet.getByText('Choose a saved query')).toBeVisible();
  await sheet.getByLabel('Saved query').selectOption({ label: 'shop orders' });
  await sheet.getByLabel('Name').fill('Orders an hour');
  await sheet.getByRole('button', { name: 'Add forecast' }).click();
  await expect(sheet).toBeHidden();
  const row = page.getByRole('row', { name: /Orders an hour/ });
  await expect(row).toContainText('As expected', { timeout: 20_000 });
  await expect(row).toContainText(/\d+ % better|Repeats the season|As good/);

  await row.getByText('Orders an hour').click();
  await expect(page.getByRole('heading', { level: 1, name: 'Orders an hour' })).toBeVisible();
  await expect(
    page.getByRole('img', { name: /^Orders an hour\. Expected at first/ }),
  ).toBeVisible();
  const backtest = page.getByRole('region', { name: 'Backtest', exact: true });
  await expect(backtest.getByText('Naive floor')).toBeVisible();
  await expect(backtest.getByText('Used', { exact: true })).toHaveCount(1);
  await expect(page.getByRole('region', { name: 'Model', exact: true })).toContainText('24 hours');
  await expect(page.getByText('Nothing has been compared yet')).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Show the forecast as a table' }).click();
  await expect(page.getByRole('columnheader', { name: 'Expected' })).toBeVisible();

  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Resume', exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Remove', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove forecast' }).click();
  await expect(page.getByText('Nothing is forecast yet')).toBeVisible();
  expect(wrong).toEqual([]);
});

test('a volume that grows says when it is full, and what would put it off', async ({
  signedIn: page,
}) => {
  const wrong = complaints(page);
  await page.goto('/capacity');
  await page.getByRole('button', { name: 'Add resource' }).first().click();
  const sheet = page.getByRole('dialog', { name: 'Add a resource' });
  await sheet.getByLabel('Saved query').selectOption({ label: 'shop volume bytes' });
  await sheet.getByLabel('Name').fill('Shop volume');
  await sheet.getByLabel('Limit', { exact: true }).fill(String(320 * GiB));
  await sheet.getByRole('button', { name: 'Add resource' }).click();
  await expect(sheet).toBeHidden();
  // Two GiB a day, twenty left.
  const row = page.getByRole('row', { name: /Shop volume/ });
  await expect(row).toContainText(/(9|10|11)(–\d+)? days/);
  await expect(row).toContainText(/93\.\d/);

  await row.getByText('Shop volume').click();
  const detail = page.getByRole('dialog', { name: 'Shop volume' });
  await expect(detail).toContainText(/Grows (1\.9|2|2\.1) GiB a day; reaches 320 GiB in/);
  await expect(detail).toContainText(/more give \d+ days/);
  await expect(detail).toContainText('At the earliest');
  await expect(detail.getByRole('img', { name: /^Shop volume over time/ })).toBeVisible();
  await expectAccessible(page);
  await expect(page).toHaveURL(/id=/);

  await detail.getByRole('button', { name: 'Scale by it' }).click();
  const scale = page.getByRole('dialog', { name: 'Scale by Shop volume' });
  await expect(scale.getByLabel('Name of the metric')).toHaveValue('shop-volume');
  await scale.getByRole('button', { name: 'Show the manifests' }).click();
  await expect(scale.getByText('Enter a number')).toBeVisible();
  await scale.getByLabel('One replica can carry').fill('1.5');
  await scale.getByLabel('Deployment').fill('shop');
  await scale.getByRole('button', { name: 'Show the manifests' }).click();
  await expect(scale).toContainText('kind: HorizontalPodAutoscaler');
  await expect(scale).toContainText('name: shop-volume-ahead');
  await expect(scale).toContainText('averageValue: "1500m"');
  await expectAccessible(page);
  await scale.getByRole('button', { name: 'Done' }).click();
  await expect(detail).toContainText('Autoscalers read it as');
  await detail.getByRole('button', { name: 'Remove', exact: true }).click();
  await page.getByRole('button', { name: 'Remove resource' }).click();
  await expect(page.getByRole('row', { name: /Shop volume/ })).toHaveCount(0);
  expect(wrong).toEqual([]);
});
