/** A database of somebody else is added, what it lacks is granted, its worst statement comes first, and its end is told. */
import pg from 'pg';
import { startPostgres15, type TestPostgres } from '../server/platform/testing/postgres15.ts';
import { complaints, expect, expectAccessible, test } from './support/test.ts';

// The second goes on where the first ends.
test.describe.configure({ mode: 'serial' });

let server: TestPostgres;
let url = '';
const load = new AbortController();
let loading: Promise<void>;

async function as<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return work(client).finally(() => client.end().catch(() => undefined));
}

test.beforeAll(async () => {
  server = await startPostgres15();
  url = await server.database('shop');
  await as(async (client) => {
    await client.query(
      'CREATE TABLE accounts AS SELECT n AS aid, n % 10 AS bid, 0 AS abalance FROM generate_series(1, 100000) AS n',
    );
    await client.query('CREATE TABLE branches (bid int PRIMARY KEY, bbalance int)');
    await client.query('INSERT INTO branches SELECT n, 0 FROM generate_series(0, 9) AS n');
    await client.query('VACUUM ANALYZE');
    await client.query("CREATE ROLE watcher LOGIN PASSWORD 'reads only'");
  });
  // As pgbench does, with the primary key of the large table missing.
  loading = as(async (client) => {
    for (let n = 0; !load.signal.aborted; n++) {
      await client.query('UPDATE branches SET bbalance = bbalance + 1 WHERE bid = $1', [n % 10]);
      await client.query('SELECT abalance FROM accounts WHERE aid = $1', [n]);
    }
  }).catch(() => undefined);
});
test.afterAll(async () => {
  load.abort();
  await loading;
  await server.stop();
});

const addressOf = (password: string) => {
  const address = new URL(url);
  address.username = 'watcher';
  address.password = password;
  return address.href;
};

test('a database is added, set up, and shows its worst statement first', async ({
  signedIn: page,
}) => {
  test.setTimeout(120_000);
  const wrong = complaints(page);
  await page.goto('/databases');
  await expect(page.getByText('This console')).toBeVisible();
  await page.getByRole('button', { name: 'Add database' }).click();
  const sheet = page.getByRole('dialog');
  await sheet.getByLabel('Name').fill('Shop');
  await sheet.getByLabel('URL', { exact: true }).fill(addressOf('wrong'));
  await sheet.getByRole('button', { name: 'Add database' }).click();
  await expect(sheet.getByText('PostgreSQL refused the password')).toBeVisible();
  await sheet.getByLabel('URL', { exact: true }).fill(addressOf('reads only'));
  await sheet.getByRole('button', { name: 'Test connection' }).click();
  await expect(sheet.getByText('2 things are missing')).toBeVisible();
  await expectAccessible(page);
  await sheet.getByRole('button', { name: 'Add database' }).click();
  await expect(sheet).toBeHidden();

  const row = page.getByRole('row').filter({ hasText: 'Shop' });
  await expect(row.getByText('Incomplete')).toBeVisible({ timeout: 15_000 });
  await row.getByText('Shop', { exact: true }).click();
  const list = page.getByRole('list', { name: 'Set-up' });
  await expect(list.getByText('GRANT pg_monitor TO watcher;')).toBeVisible();
  await expect(list.getByText('GRANT pg_read_all_data TO watcher;')).toBeVisible();
  await as((client) =>
    client.query('GRANT pg_monitor TO watcher; GRANT pg_read_all_data TO watcher;'),
  );
  await page.getByRole('button', { name: 'Look now' }).click();
  await expect(page.getByText('Complete', { exact: true })).toBeVisible();
  await expect(list.getByText('Missing')).toHaveCount(0);
  await expectAccessible(page);

  await page.getByRole('button', { name: 'Tables', exact: true }).click();
  await expect(page.getByRole('row').filter({ hasText: 'accounts' })).toBeVisible();
  await page.getByRole('button', { name: 'Indexes', exact: true }).click();
  await expect(page.getByRole('row').filter({ hasText: 'branches_pkey' })).toContainText(
    'Primary key',
  );
  await expectAccessible(page);
  // The look above was a baseline, as what came to light was counted before.
  const answered = page.waitForResponse((response) => response.url().includes('databases.refresh'));
  await page.getByRole('button', { name: 'Look now' }).click();
  expect((await answered).status()).toBe(200);

  await page.getByRole('link', { name: 'Queries', exact: true }).last().click();
  await expect(page.getByRole('heading', { level: 1, name: 'Queries' })).toBeVisible();
  const first = page.getByRole('table', { name: 'Statements' }).getByRole('row').nth(1);
  await expect(first).toContainText('SELECT abalance FROM accounts WHERE aid = $1', {
    timeout: 40_000,
  });
  await expectAccessible(page);
  await page.getByLabel('Find in text').fill('branches');
  await expect(first).toContainText('UPDATE branches');
  await page.setViewportSize({ width: 390, height: 844 });
  await expectAccessible(page);
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overflow).toBeLessThanOrEqual(0);
  expect(wrong).toEqual([]);
});

test('the console’s own slow calls, and a database that is gone', async ({ signedIn: page }) => {
  await page.goto('/databases');
  await page
    .getByRole('row')
    .filter({ hasText: 'Shop' })
    .getByText('Shop', { exact: true })
    .click();
  load.abort();
  await loading;
  await server.stop();
  await page.getByRole('button', { name: 'Look now' }).click();
  const state = page.getByRole('status').filter({ hasText: 'Nothing listens at this address' });
  await expect(state.first()).toBeVisible({ timeout: 15_000 });
  await expect(page.getByText('Failed', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Remove', exact: true }).click();
  await page.getByRole('button', { name: 'Remove database' }).click();
  await expect(page.getByText('Shop is removed.')).toBeVisible();
  await expect(page.getByRole('heading', { level: 1, name: 'Databases' })).toBeVisible();
  await expect(page.getByRole('row').filter({ hasText: 'Shop' })).toHaveCount(0);

  await page.goto('/queries?tab=calls');
  await expect(page.getByText(/No slow call|Slow calls/).first()).toBeVisible();
  await expectAccessible(page);
});
