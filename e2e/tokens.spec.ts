/** Tokens from the page: one is issued and used, revoked and refused, and the key that signs is replaced. */
import { complaints, expect, expectAccessible, test } from './support/test.ts';

test('a token is issued, used, revoked with a reason, and refused', async ({
  signedIn: page,
  console: system,
}) => {
  const wrong = complaints(page);
  await page.goto('/tokens');
  await expect(page.getByText('No token was issued yet')).toBeVisible();
  await page.getByRole('button', { name: 'Issue a token' }).first().click();
  const sheet = page.getByRole('dialog');
  await sheet.getByRole('button', { name: 'Issue', exact: true }).click();
  await expect(sheet.getByLabel('Subject')).toHaveAttribute('aria-invalid', 'true');
  await sheet.getByLabel('Subject').fill('<b>exports</b>');
  await sheet.getByLabel('Add to scopes', { exact: true }).selectOption('system.*');
  await expectAccessible(page);
  await sheet.getByRole('button', { name: 'Issue', exact: true }).click();
  const token = (await page.getByTestId('issued-token').textContent()) ?? '';
  expect(token).toMatch(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'I stored it' }).click();
  expect(await page.content()).not.toContain(token);

  const status = async (procedure: string) =>
    (
      await fetch(`${system.url}/api/trpc/${procedure}`, {
        headers: { authorization: `Bearer ${token}` },
      })
    ).status;
  expect(await status('system.info')).toBe(200);
  expect(await status('breakers.list')).toBe(403);

  const row = page.getByRole('row').filter({ hasText: '<b>exports</b>' }).first();
  await expect(row).toContainText('Active');
  await row.getByRole('button', { name: 'Actions for <b>exports</b>' }).click();
  await page.getByRole('menuitem', { name: 'Revoke this token' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Revoke', exact: true }).click();
  await expect(dialog.getByText('Say why')).toBeVisible();
  await dialog.getByLabel('Reason').fill('it leaked');
  await dialog.getByRole('button', { name: 'Revoke', exact: true }).click();
  await expect(row).toContainText('Revoked');
  expect(await status('system.info')).toBe(401);

  await page.getByRole('button', { name: 'Revocations' }).click();
  await expect(page.getByRole('row').filter({ hasText: 'it leaked' })).toContainText('Token');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Signing keys' }).click();
  const signs = page.getByRole('row').filter({ hasText: /Signs(?! since)/ });
  const next = page.getByRole('row').filter({ hasText: 'Next' });
  const nextKid = await next.getByRole('cell').first().textContent();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Replace the signing key' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Replace', exact: true }).click();
  await expect(signs).toContainText(nextKid ?? 'no next key');
  expect(wrong).toEqual([]);
});
