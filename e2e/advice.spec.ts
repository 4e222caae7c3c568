/** pgbench with a primary key missing, under load: found, explained, approved, built, measured at ten times faster or more, kept. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { startPostgres15, type TestPostgres } from '../server/platform/testing/postgres15.ts';
import { complaints, expect, expectAccessible, test } from './support/test.ts';

const run = promisify(execFile);
const PGBENCH = path.join('/usr/lib/postgresql/15/bin', 'pgbench');
let server: TestPostgres;
let url = '';
let load: ChildProcess;

test.beforeAll(async () => {
  test.setTimeout(120_000);
  server = await startPostgres15();
  url = await server.database('bank');
  await run(PGBENCH, ['--initialize', '--quiet', '--scale', '10', url]);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('ALTER TABLE pgbench_accounts DROP CONSTRAINT pgbench_accounts_pkey');
  await client.query('ANALYZE');
  await client.query(
    "CREATE ROLE watcher LOGIN PASSWORD 'reads only'; GRANT pg_monitor, pg_read_all_data TO watcher",
  );
  await client.end();
  // Six transactions a second, each with two statements that read the whole table: most of one core.
  load = spawn(
    PGBENCH,
    ['--no-vacuum', '--client=1', '--time=600', '--rate=6', '--protocol=prepared', url],
    { stdio: 'ignore' },
  );
});
test.afterAll(async () => {
  const ended = once(load, 'exit');
  load.kill('SIGKILL');
  await ended;
  await server.stop();
});

test('what costs the most comes first, is advised on, and is ten times faster once it is approved', async ({
  signedIn: page,
  console: system,
}) => {
  test.setTimeout(240_000);
  const wrong = complaints(page);
  const post = async (procedure: string, data: object) => {
    const answer = await page.request.post(`/api/trpc/${procedure}`, {
      data,
      headers: { origin: system.url },
    });
    expect([procedure, answer.status()]).toEqual([procedure, 200]);
    return (await answer.json()).result.data;
  };
  const reader = new URL(url);
  reader.username = 'watcher';
  reader.password = 'reads only';
  const { id } = await post('queries.databases.create', {
    name: 'Bank',
    url: reader.href,
    applyUrl: url,
  });
  // The console looks each minute; here it is asked to look more often.
  const offender = page
    .getByRole('row')
    .filter({ hasText: 'SELECT abalance FROM pgbench_accounts WHERE aid = $1' });
  await page.goto(`/queries?database=${id}`);
  await expect(async () => {
    await post('queries.databases.refresh', { id });
    await page.reload();
    // Both statements that read the whole table come before all others; the longer one varies.
    await expect(page.getByRole('row').nth(1)).toContainText('pgbench_accounts', {
      timeout: 3_000,
    });
    await expect(offender).toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 60_000 });

  await offender.click();
  await expect(page.getByRole('heading', { level: 1, name: 'Query' })).toBeVisible();
  await page.getByRole('button', { name: 'Explain', exact: true }).click();
  const steps = page.getByRole('list', { name: 'Steps of the plan' });
  await expect(steps).toContainText('Seq Scan on pgbench_accounts');
  await expect(page.getByText('Planned without values')).toBeVisible();
  await page.getByLabel('Value of $1').fill('5');
  await page.getByRole('button', { name: 'Run it and measure' }).click();
  await expect(page.getByText(/^Ran in /)).toBeVisible();
  await expect(steps).toContainText('Costs most');
  await expectAccessible(page);

  await page.goto('/advice');
  const advice = page.getByRole('row').filter({ hasText: 'Index pgbench_accounts (aid)' });
  await expect(async () => {
    // What a few calls cost is not worth an index yet.
    await post('queries.databases.refresh', { id });
    await page.getByRole('button', { name: 'Look now' }).click();
    await expect(advice).toBeVisible({ timeout: 5_000 });
  }).toPass({ timeout: 90_000 });
  await expect(page.getByRole('row').nth(1)).toContainText('Index pgbench_accounts (aid)');
  await advice.click();
  const sheet = page.getByRole('dialog', { name: 'Index pgbench_accounts (aid)', exact: true });
  await expect(sheet).toContainText('HypoPG');
  await expectAccessible(page);
  await sheet.getByRole('button', { name: 'Approve' }).click();
  const dialog = page.getByRole('dialog', { name: /^Approve: / });
  await expect(dialog).toContainText('CREATE INDEX CONCURRENTLY');
  await dialog.getByRole('button', { name: 'Approve' }).click();
  await expect(dialog).toBeHidden();
  await expect(sheet.getByRole('status')).toContainText('Being compared', { timeout: 60_000 });

  await expect(async () => {
    await post('queries.databases.refresh', { id });
    await expect(sheet.getByRole('status')).toContainText('Decide', { timeout: 12_000 });
  }).toPass({ timeout: 90_000 });
  const said = await sheet
    .getByText(/times faster$/)
    .first()
    .textContent();
  expect(
    Number(/([\d\u202f.]+) times faster/.exec(said ?? '')?.[1]?.replace(/\u202f/g, '')),
  ).toBeGreaterThanOrEqual(10);
  await expectAccessible(page);
  await sheet.getByRole('button', { name: 'Keep' }).click();
  await page
    .getByRole('dialog', { name: /^Keep: / })
    .getByRole('button', { name: 'Keep it' })
    .click();
  await expect(sheet.getByRole('status')).toContainText('Kept');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Done' }).click();
  await expect(advice).toContainText('× faster');

  // A plan that uses it; and what may not run is refused with its reason.
  await page.goto(`/queries?database=${id}`);
  await page.getByRole('row').filter({ hasText: 'SELECT abalance' }).first().click();
  await page.getByRole('button', { name: 'Explain', exact: true }).click();
  await expect(steps).toContainText('using wh_pgbench_accounts_aid_');
  await page.goto(`/queries?database=${id}`);
  await page.getByRole('row').filter({ hasText: 'UPDATE pgbench_accounts' }).click();
  await page.getByLabel('Value of $1').fill('1');
  await page.getByLabel('Value of $2').fill('1');
  await page.getByRole('button', { name: 'Run it and measure' }).click();
  await expect(page.getByText('it is an UPDATE, which changes rows')).toBeVisible();
  expect(wrong).toEqual([]);
});

test('a statement that is not there, and a failing server, are said', async ({
  signedIn: page,
}) => {
  await page.goto('/queries/query?id=999999999');
  await expect(page.getByText('There is no such statement')).toBeVisible();
  await page.goto('/queries/query');
  await expect(page.getByText('There is no such statement')).toBeVisible();
  await page.route('**/api/trpc/**', (route) => route.fulfill({ status: 503, body: 'no' }));
  await page.goto('/queries/query?id=1');
  await expect(page.getByText('The statement could not be loaded.')).toBeVisible();
});
