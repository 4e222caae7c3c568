import type { Page } from '@playwright/test';
import {
  admin,
  complaints,
  expect,
  expectAccessible,
  patient,
  signIn,
  test,
} from './support/test.ts';

const pages = [
  { path: '/', title: 'Overview' },
  { path: '/health', title: 'Health' },
  { path: '/incidents', title: 'Incidents' },
  { path: '/explore', title: 'Explore' },
  { path: '/dashboards', title: 'Dashboards' },
  { path: '/drift', title: 'Drift' },
  { path: '/models', title: 'Models' },
  { path: '/sources', title: 'Sources' },
  { path: '/queries', title: 'Queries' },
  { path: '/databases', title: 'Databases' },
  { path: '/advice', title: 'Advice' },
  { path: '/maintenance', title: 'Maintenance' },
  { path: '/game-days', title: 'Game days' },
  { path: '/memory', title: 'Memory' },
  { path: '/breakers', title: 'Breakers' },
  { path: '/limits', title: 'Limits' },
  { path: '/cache', title: 'Cache' },
  { path: '/forecasts', title: 'Forecasts' },
  { path: '/capacity', title: 'Capacity' },
  { path: '/channels', title: 'Channels' },
  { path: '/tokens', title: 'Tokens' },
  { path: '/policies', title: 'Policies' },
  { path: '/keys', title: 'Keys' },
  { path: '/users', title: 'Users' },
  { path: '/sessions', title: 'Account and sessions' },
  { path: '/audit', title: 'Audit' },
  { path: '/security', title: 'Security' },
  { path: '/settings', title: 'Settings' },
];
const opened = (page: Page, title: string) =>
  expect(page.getByRole('heading', { level: 1, name: title })).toBeVisible();

// One visitor goes through all of them, as people do: what the pages share is loaded once.
let page: Page;
let wrong: string[];
test.beforeAll(async ({ browser, console: system, session }) => {
  // A service worker would answer in place of the routes.
  const context = await browser.newContext({
    baseURL: system.url,
    serviceWorkers: 'block',
    storageState: session,
  });
  page = patient(await context.newPage());
  wrong = complaints(page);
});
test.afterAll(() => page.context().close());
test.beforeEach(async () => {
  await page.unrouteAll();
  wrong.length = 0;
});

for (const { path, title } of pages) {
  test(`${title}: accessible in both themes, at 1440 and 390 wide, without a script error`, async () => {
    const looks = [
      { colorScheme: 'light', width: 1440 },
      { colorScheme: 'dark', width: 390 },
    ] as const;
    for (const { colorScheme, width } of looks) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: 844 });
      await page.goto(path);
      await opened(page, title);
      await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
      await expectAccessible(page);
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overflow, `${path} scrolls sideways at ${width}`).toBeLessThanOrEqual(0);
    }
    expect(wrong).toEqual([]);
  });

  test(`${title}: an error of the server is shown with its request id, and can be retried`, async () => {
    // An event would make the page recover by itself before the button can be pressed.
    await page.route('**/api/stream**', (route) => route.abort());
    await page.route('**/api/trpc/**', (route) =>
      route.fulfill({
        status: 500,
        contentType: 'application/json',
        body: JSON.stringify({
          error: {
            message: 'Something went wrong on the server.',
            code: -32603,
            data: { code: 'INTERNAL_SERVER_ERROR', httpStatus: 500, requestId: 'req-for-the-test' },
          },
        }),
      }),
    );
    await page.goto(path);
    await expect(page.getByText('req-for-the-test').first()).toBeVisible({ timeout: 30_000 });
    await page.unroute('**/api/trpc/**');
    await page
      .getByRole('button', { name: /retry|try again/i })
      .first()
      .click();
    await expect(page.getByText('req-for-the-test')).toHaveCount(0);
    await opened(page, title);
  });
}

test('the pages outside the console: accessible, no inline script, no framework, and no visitor is led away', async ({
  newPage,
  console: system,
}) => {
  const page = await newPage();
  const wrong = complaints(page);
  for (const path of [
    '/sign-in',
    '/setup?token=x',
    '/invite?token=x',
    '/sign-in?error=locked:30',
  ]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      const answer = await page.goto(path);
      expect(answer?.headers()['content-security-policy']).toContain("script-src 'self';");
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
      await expect(page.getByRole('status', { name: 'Loading' })).toBeHidden();
      await expectAccessible(page);
    }
  }
  await expect(page.getByText('Too many failed attempts. Try again in 30 s.')).toBeVisible();
  expect(await page.locator('script[src^="/_next/"]').count()).toBe(0);
  for (const next of ['//evil.example/x', 'https://evil.example', '/\\evil.example']) {
    // A browser each: a page that is signed in leads to the sign-in itself once its cookies are gone, in the middle of this.
    const visitor = await newPage();
    await visitor.goto(`/sign-in?next=${encodeURIComponent(next)}`);
    await visitor.getByLabel('E-mail').fill(admin.email);
    await visitor.getByLabel('Password', { exact: true }).fill(admin.password);
    await visitor.getByRole('button', { name: 'Sign in', exact: true }).click();
    await expect(visitor.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
    expect(new URL(visitor.url()).origin).toBe(system.url);
  }
  expect(wrong).toEqual([]);
});

test('a page that does not exist says so', async ({ signedIn: page }) => {
  const answer = await page.goto('/nowhere');
  expect(answer?.status()).toBe(404);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
});

test('the keyboard alone reaches everything in the shell', async ({ signedIn: page }) => {
  await page.goto('/');
  await opened(page, 'Overview');
  const reached = new Set<string>();
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    reached.add(
      await page.evaluate(() => {
        const element = document.activeElement;
        return (element?.getAttribute('aria-label') ?? element?.textContent ?? '').trim();
      }),
    );
  }
  for (const name of ['Users', 'Audit', 'Settings', 'Search and commands', 'Theme', 'Account']) {
    expect([...reached]).toContain(name);
  }
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.keyboard.press('u');
  await opened(page, 'Users');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog')).toBeVisible();
});

test('what is asked for before the page is live happens once it is', async ({
  browser,
  console: system,
}) => {
  // A service worker would answer in place of the route.
  const context = await browser.newContext({ baseURL: system.url, serviceWorkers: 'block' });
  const page = patient(await context.newPage());
  await signIn(page);
  const search = page.getByPlaceholder(/^Search targets/);
  const asks = [
    () => page.getByRole('button', { name: 'Search and commands' }).click(),
    () => page.keyboard.press('Control+k'),
  ];
  for (const ask of asks) {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    await page.route('**/_next/static/**/*.js', async (route) => {
      await released;
      await route.continue();
    });
    const arrived = page.goto('/health');
    await expect(page.getByRole('button', { name: 'Search and commands' })).toBeVisible();
    await ask();
    expect(await page.evaluate(() => 'ready' in document.documentElement.dataset)).toBe(false);
    release();
    await arrived;
    await expect(search).toBeFocused();
    await page.unrouteAll();
  }
  await context.close();
});

test('settings show where a value came from and no secret', async ({
  signedIn: page,
  console: system,
}) => {
  await page.goto('/settings');
  await expect(page.getByText('WHEELHOUSE_INIT_ADMIN_PASSWORD').first()).toBeVisible();
  expect(await page.content()).not.toContain('correct horse battery');
  expect(await page.content()).toContain(system.dataDir);
});

test('the layout does not shift while a page loads', async ({ signedIn: page }) => {
  await page.goto('/');
  await opened(page, 'Overview');
  await page.evaluate(() => {
    const seen = { sum: 0 };
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        if ('value' in entry && 'hadRecentInput' in entry && !entry.hadRecentInput)
          seen.sum += Number(entry.value);
      }
      document.documentElement.dataset.shift = String(seen.sum);
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await expect.poll(() => page.getByRole('main').innerText()).toContain('Components');
  const shift = await page.evaluate(() => Number(document.documentElement.dataset.shift ?? 0));
  expect(shift).toBeLessThan(0.1);
});
