import { readFileSync } from 'node:fs';
import path from 'node:path';
import { startRedis } from '../server/platform/testing/redis.ts';
import { type Console, startConsole } from './support/console.ts';
import { admin, expect, signIn, test } from './support/test.ts';

test('PostgreSQL goes and comes back while a page is open: the page says so and recovers by itself', async ({ signedIn: page, console: system }) => {
  const pid = Number(readFileSync(path.join(system.dataDir, 'postgres/postmaster.pid'), 'utf8').split('\n')[0]);
  await page.goto('/users');
  await expect(page.getByText('ada@example.com').first()).toBeVisible();
  process.kill(pid, 'SIGINT');
  await expect(page.getByText(/PostgreSQL is unreachable/).first()).toBeVisible({ timeout: 15_000 });
  expect((await page.request.get(`${system.url}/health/liveness`)).status()).toBe(200);
  expect((await page.request.get(`${system.url}/health/readiness`)).status()).toBe(503);
  expect((await page.request.get(`${system.url}/api/trpc/users.me`)).status()).toBe(503);
  // What was there stays readable meanwhile.
  await expect(page.getByText('ada@example.com').first()).toBeVisible();
  await expect(page.getByText(/PostgreSQL is unreachable/)).toHaveCount(0, { timeout: 30_000 });
  await expect.poll(async () => (await page.request.get(`${system.url}/health/readiness`)).status()).toBe(200);
  await page.goto('/audit');
  await expect(page.getByText('sessions.signIn').first()).toBeVisible();
});

test.describe('with Redis', () => {
  let system: Console;
  let redis: Awaited<ReturnType<typeof startRedis>>;
  test.beforeAll(async () => {
    redis = await startRedis();
    system = await startConsole({
      env: {
        REDIS_URL: redis.url,
        WHEELHOUSE_INIT_ADMIN_EMAIL: admin.email,
        WHEELHOUSE_INIT_ADMIN_PASSWORD: admin.password,
      },
    });
  });
  test.afterAll(async () => {
    await system?.remove();
    await redis?.stop();
  });

  test('Redis goes and comes back: work goes on in-process, and the page says so', async ({ browser }) => {
    const context = await browser.newContext({ baseURL: system.url });
    const page = await context.newPage();
    await signIn(page);
    await redis.stop();
    await expect(page.getByText(/Redis is unreachable/).first()).toBeVisible();
    expect((await page.request.get(`${system.url}/health/readiness`)).status()).toBe(200);
    await page.goto('/audit');
    await expect(page.getByText('sessions.signIn').first()).toBeVisible();
    await redis.start();
    await expect(page.getByText(/Redis is unreachable/)).toHaveCount(0, { timeout: 15_000 });
    await context.close();
  });
});

test('SIGTERM with a page open: readiness fails, the process ends cleanly, and nothing is lost on the next start', async ({ browser }) => {
  const first = await startConsole({
    env: { WHEELHOUSE_INIT_ADMIN_EMAIL: admin.email, WHEELHOUSE_INIT_ADMIN_PASSWORD: admin.password },
  });
  const context = await browser.newContext({ baseURL: first.url });
  const page = await context.newPage();
  await signIn(page);
  expect(await first.stop()).toBe(0);
  await expect(page.getByText(/stale since/).first()).toBeVisible();
  const again = await startConsole({ dataDir: first.dataDir, env: { PORT: new URL(first.url).port } });
  await expect(page.getByText('live', { exact: true }).first()).toBeVisible({ timeout: 30_000 });
  expect((await page.request.get(`${again.url}/api/trpc/users.me`)).status()).toBe(200);
  await context.close();
  await again.remove();
});
