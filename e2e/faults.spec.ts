import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openEmbeddedPostgres } from '../server/platform/postgres/embedded.ts';
import { startRedis } from '../server/platform/testing/redis.ts';
import { type Console, startConsole } from './support/console.ts';
import { admin, expect, patient, signIn, test } from './support/test.ts';

const firstAdmin = {
  WHEELHOUSE_INIT_ADMIN_EMAIL: admin.email,
  WHEELHOUSE_INIT_ADMIN_PASSWORD: admin.password,
};

test('PostgreSQL is stopped and started while a page is open: the page says so and recovers by itself', async ({
  browser,
}) => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'wheelhouse-pg-'));
  const open = () => openEmbeddedPostgres({ dataDir, role: 'cli', progress: () => undefined });
  let postgres = await open();
  const { url } = postgres;
  const system = await startConsole({ env: { ...firstAdmin, DATABASE_URL: url } });
  const context = await browser.newContext({ baseURL: system.url });
  const page = patient(await context.newPage());
  const status = async (route: string) => (await page.request.get(system.url + route)).status();
  await signIn(page);
  await page.goto('/users');
  const row = page.getByRole('row').filter({ hasText: 'ada@example.com' });
  await expect(row).toBeVisible();

  await postgres.stop();
  await expect(page.getByText(/PostgreSQL is unreachable/).first()).toBeVisible();
  expect(await status('/health/liveness')).toBe(200);
  expect(await status('/health/readiness')).toBe(503);
  expect(await status('/api/trpc/users.me')).toBe(503);
  // What was there stays readable meanwhile.
  await expect(row).toBeVisible();

  postgres = await open();
  expect(postgres.url).toBe(url);
  await expect(page.getByText(/PostgreSQL is unreachable/)).toHaveCount(0, { timeout: 20_000 });
  await expect.poll(() => status('/health/readiness')).toBe(200);
  await page.goto('/audit');
  await expect(page.getByRole('row').filter({ hasText: 'sessions.signIn' }).first()).toBeVisible();
  await context.close();
  await system.remove();
  await postgres.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

test.describe('with Redis', () => {
  let system: Console;
  let redis: Awaited<ReturnType<typeof startRedis>>;
  test.beforeAll(async () => {
    redis = await startRedis();
    system = await startConsole({
      env: {
        ...firstAdmin,
        REDIS_URL: redis.url,
      },
    });
  });
  test.afterAll(async () => {
    await system?.remove();
    await redis?.stop();
  });

  test('Redis goes and comes back: work goes on in-process, and the page says so', async ({
    browser,
  }) => {
    const context = await browser.newContext({ baseURL: system.url });
    const page = patient(await context.newPage());
    await signIn(page);
    await redis.stop();
    await expect(page.getByText(/Redis is unreachable/).first()).toBeVisible();
    expect((await page.request.get(`${system.url}/health/readiness`)).status()).toBe(200);
    await page.goto('/audit');
    await expect(
      page.getByRole('row').filter({ hasText: 'sessions.signIn' }).first(),
    ).toBeVisible();
    await redis.start();
    await expect(page.getByText(/Redis is unreachable/)).toHaveCount(0, { timeout: 15_000 });
    await context.close();
  });
});

test('SIGTERM with a page open: readiness fails, the process ends cleanly, and nothing is lost on the next start', async ({
  browser,
}) => {
  const first = await startConsole({
    env: firstAdmin,
  });
  const context = await browser.newContext({ baseURL: first.url });
  const page = patient(await context.newPage());
  await signIn(page);
  await expect(page.getByText('live', { exact: true }).first()).toBeVisible();
  expect(await first.stop()).toBe(0);
  await expect(page.getByText(/stale since/).first()).toBeVisible();
  const again = await startConsole({
    dataDir: first.dataDir,
    env: { PORT: new URL(first.url).port },
  });
  await expect(page.getByText('live', { exact: true }).first()).toBeVisible({ timeout: 30_000 });
  expect((await page.request.get(`${again.url}/api/trpc/users.me`)).status()).toBe(200);
  await context.close();
  await again.remove();
});
