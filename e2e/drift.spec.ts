/** A model is registered, its training table uploaded, its predictions shift: the monitor turns, an incident opens and says why. */
import { complaints, expect, expectAccessible, test } from './support/test.ts';

const plans = ['free', 'team', 'company'];
/** The same 997 amounts in another order each time; `shift` moves them. */
const amount = (i: number, shift: number) => ((i * 7_919) % 997) / 10 + shift;
const table = Array.from(
  { length: 3_000 },
  (_, i) => `${amount(i, 0).toFixed(1).replace('.', ',')};"${plans[i % 3]}"`,
);

test('a shift of the inputs is found, told and explained', async ({
  console: system,
  signedIn: page,
}) => {
  test.setTimeout(120_000);
  const wrong = complaints(page);
  const { key } = JSON.parse(
    await system.cli('keys', 'create', '--name', 'model', '--scopes', 'ingest', '--json'),
  );
  let serial = 0;
  const send = async (procedure: string, body: object) => {
    const answer = await fetch(`${system.url}/api/trpc/${procedure}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(200);
    return (await answer.json()).result.data;
  };
  const predict = async (rows: number, shift: number) => {
    const predictions = Array.from({ length: rows }, (_, i) => ({
      id: `p${serial++}`,
      features: { amount: amount(i, shift), plan: plans[i % 3] },
      prediction: i % 2,
      score: i % 2 ? 0.8 : 0.3,
    }));
    expect(await send('models.predictions', { model: 'checkout fraud', predictions })).toEqual({
      accepted: rows,
      repeated: 0,
      rejected: [],
    });
    return predictions;
  };

  await page.goto('/models');
  await expect(page.getByText('No model is registered')).toBeVisible();
  await page.getByRole('button', { name: 'Register model' }).click();
  const sheet = page.getByRole('dialog');
  await sheet.getByRole('button', { name: 'Register model' }).click();
  await expect(sheet.getByText('Enter a name').first()).toBeVisible();
  await sheet.getByLabel('Name', { exact: true }).fill('checkout fraud');
  await sheet.locator('input[type=file]').setInputFiles({
    name: 'train.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from(`\ufeffamount;plan\n${table.join('\n')}\n`),
  });
  await expect(sheet.getByLabel('Name of feature 2')).toHaveValue('plan');
  await expect(sheet.getByLabel('Kind of feature 2')).toHaveValue('categorical');
  await sheet.getByLabel('Segments').fill('plan');
  await expectAccessible(page);
  await sheet.getByRole('button', { name: 'Register model' }).click();
  await expect(sheet).toBeHidden();

  await page.getByRole('table', { name: 'Models' }).getByText('checkout fraud').click();
  await expect(page.getByRole('heading', { level: 1, name: 'checkout fraud' })).toBeVisible();
  await expect(page.getByText('No predictions in this range')).toBeVisible();
  await page.getByRole('button', { name: 'Upload reference' }).click();
  await sheet.getByLabel('File').setInputFiles({
    name: 'training.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from(`\ufeffBetrag;PLAN\n${table.join('\n')}\n`),
  });
  await expect(sheet).toContainText('CSV in utf-8, a semicolon between cells, decimal comma');
  await expect(sheet).toContainText('3\u202f000 rows');
  // PLAN is found by itself; the other column is told, by keyboard.
  await expect(sheet).toContainText('1 of 2 features has a column.');
  const column = sheet.getByLabel('amount (numbers)');
  await column.selectOption('PLAN');
  await expect(sheet).toContainText('PLAN is the column of amount already.');
  await sheet.getByRole('button', { name: 'Make reference' }).click();
  await column.focus();
  await page.keyboard.type('Bet');
  await expect(column).toHaveValue('Betrag');
  await expect(sheet).toContainText('2 of 2 features have a column.');
  await expectAccessible(page);
  await sheet.getByRole('button', { name: 'Make reference' }).click();
  await sheet.getByRole('button', { name: 'Done' }).click();
  await expect(page.getByRole('table', { name: 'References' })).toContainText('training');

  const predictions = await predict(600, 0);
  await send('models.labels', {
    model: 'checkout fraud',
    labels: predictions.slice(0, 500).map(({ id, prediction }, i) => ({
      id,
      label: i % 10 === 0 ? 1 - prediction : prediction,
    })),
  });
  await page.goto('/drift');
  await expect(page.getByText('Nothing is watched yet')).toBeVisible();
  await page.getByRole('button', { name: 'Add monitor' }).click();
  await sheet.getByLabel('Name').fill('fraud inputs');
  await sheet.getByLabel('Model').selectOption('checkout fraud');
  await sheet.getByLabel('Reference').selectOption({ index: 1 });
  await expectAccessible(page);
  await sheet.getByRole('button', { name: 'Add monitor' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'fraud inputs' })).toBeVisible();
  await page.getByRole('button', { name: 'Run now' }).click();
  await expect(page.getByText('None of 2 features drifted.').first()).toBeVisible();

  await predict(900, 35);
  await page.getByRole('button', { name: 'Run now' }).click();
  await expect(page.getByText(/1 of 2 features drifted: amount/).first()).toBeVisible();
  const cell = page.getByRole('button', { name: /^amount, window until .*: moved/ });
  await cell.focus();
  await page.keyboard.press('ArrowLeft');
  await expect(page.getByRole('button', { name: /^amount, window until .*: quiet/ })).toBeFocused();
  await cell.click();
  const detail = page.getByRole('region', { name: /^amount/ });
  await expect(detail).toContainText('Kolmogorov–Smirnov');
  await expect(detail.getByRole('img', { name: /most of the reference lies in/ })).toBeVisible();
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await expectAccessible(page);
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overflow).toBeLessThanOrEqual(0);
  await page.setViewportSize({ width: 1440, height: 900 });

  await page.goto('/incidents');
  await page.getByText('The inputs of checkout fraud have drifted').first().click();
  await expect(page.getByText(/1 of 2 features drifted: amount/).first()).toBeVisible();

  await page.goto('/models');
  await page.getByRole('table', { name: 'Models' }).getByText('checkout fraud').click();
  await expect(page.getByText('90 %', { exact: true }).first()).toBeVisible();
  await page.getByLabel('Segment', { exact: true }).selectOption('plan');
  await expect(page.getByRole('table', { name: 'By segment' })).toContainText('company');
  await expect(
    page.getByRole('heading', { name: 'Whether scores mean what they say' }),
  ).toBeVisible();
  await expectAccessible(page);
  expect(wrong).toEqual([]);
});
