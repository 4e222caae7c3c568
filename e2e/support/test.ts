/** Fixtures: a console for each file with one admin, pages that are signed in, and a check that nothing went wrong unseen. */
import AxeBuilder from '@axe-core/playwright';
import { type Browser, test as base, expect, type Page } from '@playwright/test';
import { type Console, startConsole } from './console.ts';

export const admin = { email: 'ada@example.com', password: 'correct horse battery' };

type Options = { consoleEnv: Record<string, string> };
type Fixtures = {
  console: Console;
  newPage(): Promise<Page>;
  /** The cookies of the admin, who signed in once for all flows of a file. */
  session: Cookies;
};
type Cookies = Awaited<ReturnType<ReturnType<Page['context']>['storageState']>>;

export const test = base.extend<{ signedIn: Page }, Options & Fixtures>({
  consoleEnv: [{}, { option: true, scope: 'worker' }],
  console: [
    async ({ consoleEnv }, use) => {
      const system = await startConsole({
        env: {
          WHEELHOUSE_INIT_ADMIN_EMAIL: admin.email,
          WHEELHOUSE_INIT_ADMIN_PASSWORD: admin.password,
          ...consoleEnv,
        },
      });
      await use(system);
      await system.remove();
    },
    { scope: 'worker' },
  ],
  newPage: [
    async ({ browser, console: system }, use) => {
      const pages: Page[] = [];
      await use(async () => {
        const page = await openPage(browser, system);
        pages.push(page);
        return page;
      });
      for (const page of pages) await page.context().close();
    },
    { scope: 'worker' },
  ],
  session: [
    async ({ browser, console: system }, use) => {
      const page = await openPage(browser, system);
      await signIn(page);
      const cookies = await page.context().storageState();
      await page.context().close();
      await use(cookies);
    },
    { scope: 'worker' },
  ],
  signedIn: async ({ browser, console: system, session }, use) => {
    const page = await openPage(browser, system, session);
    await page.goto('/');
    await use(page);
    await page.context().close();
  },
});
export { expect };

async function openPage(browser: Browser, system: Console, storageState?: Cookies): Promise<Page> {
  const context = await browser.newContext({
    baseURL: system.url,
    ...(storageState ? { storageState } : {}),
    viewport: { width: 1440, height: 900 },
  });
  return patient(await context.newPage());
}

/** The page, which says it has arrived only when it is live. */
export function patient(page: Page): Page {
  const goto = page.goto.bind(page);
  const reload = page.reload.bind(page);
  page.goto = async (url, options) => {
    const answer = await goto(url, options);
    await live(page);
    return answer;
  };
  page.reload = async (options) => {
    const answer = await reload(options);
    await live(page);
    return answer;
  };
  return page;
}

/** Waits until the shell has taken the document over: a press before that would be lost. Other pages have no shell. */
async function live(page: Page): Promise<void> {
  await page.waitForFunction(
    () =>
      'ready' in document.documentElement.dataset ||
      document.querySelector('[data-overlay]') === null,
  );
}

export async function signIn(page: Page, who = admin): Promise<void> {
  await page.goto('/sign-in');
  await page.getByLabel('E-mail').fill(who.email);
  await page.getByLabel('Password', { exact: true }).fill(who.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
  await live(page);
}

/** What the browser complained about: script errors and refused scripts. */
export function complaints(page: Page): string[] {
  const list: string[] = [];
  page.on('pageerror', (error) => list.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) {
      list.push(message.text());
    }
  });
  return list;
}

/** Fails on what axe calls serious or critical, by WCAG 2.2 AA. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
    .analyze();
  const grave = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
  expect(grave).toEqual([]);
}
