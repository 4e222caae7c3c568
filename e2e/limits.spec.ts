import { admin, expect, signIn, test } from './support/test.ts';

test.use({ consoleEnv: { WHEELHOUSE_LIMIT_KEY: '100', WHEELHOUSE_LIMIT_OVERALL: '1000' } });

test('a script that asks too fast is refused and seen; an operator gives it less, and takes that back', async ({
  console: system,
  signedIn: page,
}) => {
  const { key } = JSON.parse(await system.cli('keys', 'create', '--name', 'busy script', '--json'));
  const ask = async () =>
    (
      await fetch(`${system.url}/api/trpc/system.info`, {
        headers: { authorization: `Bearer ${key}` },
      })
    ).status;
  await ask();
  const answers = await Promise.all(Array.from({ length: 40 }, ask));
  expect(answers.filter((status) => status === 429).length).toBeGreaterThanOrEqual(18);

  await page.goto('/limits');
  await expect(page.getByText(/requests? w(as|ere) refused in the last hour/)).toBeVisible();
  const callers = page.getByRole('table', { name: 'Busiest callers' });
  await expect(callers.getByText('busy script').first()).toBeVisible();

  await page.getByRole('button', { name: 'Limit a procedure' }).click();
  const sheet = page.getByRole('dialog');
  await sheet.getByLabel('Procedure or module').fill('system.info');
  await sheet.getByLabel('Calls a minute').fill('30');
  await sheet.getByRole('button', { name: 'Set limit' }).click();
  await expect(sheet.getByText('Say why, for those who read the audit log')).toBeVisible();
  await sheet.getByLabel('Reason').fill('<script>alert(1)</script> a loop');
  await sheet.getByRole('button', { name: 'Set limit' }).click();
  await expect(sheet).toBeHidden();
  const limits = page.getByRole('table', { name: 'Limits' });
  const row = limits.getByRole('row', { name: /system\.info/ });
  await expect(row.getByText('Override')).toBeVisible();
  await expect(row.getByText('30', { exact: true })).toBeVisible();

  await row.getByText('system.info').first().click();
  await page.getByRole('dialog').getByLabel('Reason').fill('the loop is mended');
  await page.getByRole('dialog').getByRole('button', { name: 'Remove override' }).click();
  await expect(limits.getByRole('row', { name: /system\.info/ })).toHaveCount(0);

  await page.goto('/audit');
  await expect(page.getByRole('table').getByText('limits.override').first()).toBeVisible();
  await expect(page.getByRole('table').getByText('limits.remove').first()).toBeVisible();
});

test('people do not meet a limit, whatever programs do', async ({ console: system, newPage }) => {
  const page = await newPage();
  await signIn(page, admin);
  const refused: string[] = [];
  page.on('response', (answer) => {
    if (answer.status() === 429) refused.push(answer.url());
  });
  let flooding = true;
  const flood = (async () => {
    while (flooding) {
      await Promise.all(
        Array.from({ length: 20 }, () =>
          fetch(`${system.url}/api/trpc/system.info`).catch(() => null),
        ),
      );
    }
  })();
  for (const path of ['/', '/health', '/dashboards', '/limits', '/cache', '/audit', '/explore']) {
    await page.goto(path);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  }
  flooding = false;
  await flood;
  expect(refused).toEqual([]);
});
