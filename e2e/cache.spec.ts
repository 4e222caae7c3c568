import { expect, test } from './support/test.ts';

test('what pages load is kept, seen, and evicted by an operator', async ({ signedIn: page }) => {
  await page.goto('/dashboards');
  await expect(page.getByRole('main').getByText('Console', { exact: true }).first()).toBeVisible();
  await page.reload();
  await page.goto('/cache');
  await expect(page.getByText(/of the looks found what they wanted/)).toBeVisible();
  const keys = page.getByRole('table', { name: 'Hot keys' });
  const key = keys.getByText(/^dashboards:list:/).first();
  await expect(key).toBeVisible();
  await key.click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByLabel('Which')).toHaveValue(/^dashboards:list:/);
  await dialog.getByRole('button', { name: 'Evict' }).click();
  await expect(dialog).toBeHidden();
  await expect(keys.getByText(/^dashboards:list:/)).toHaveCount(0);

  await page.getByRole('button', { name: 'Evict', exact: true }).click();
  await dialog.getByLabel('What', { exact: true }).selectOption('pattern');
  await dialog.getByLabel('Which').fill(`x'; DROP TABLE users; --<script>alert(1)</script>*`);
  await dialog.getByRole('button', { name: 'Evict' }).click();
  await expect(dialog.getByText('Begin with a namespace, e.g. dashboards:*')).toBeVisible();
  await dialog.getByLabel('Which').fill('dashboards:*');
  await dialog.getByRole('button', { name: 'Evict' }).click();
  await expect(dialog).toBeHidden();
  await page.goto('/audit');
  await expect(page.getByRole('table').getByText('cache.evict').first()).toBeVisible();
});
