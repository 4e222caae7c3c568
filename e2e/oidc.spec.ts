import { type Console, startConsole } from './support/console.ts';
import { type Provider, startProvider } from './support/oidc.ts';
import { expect, patient, test } from './support/test.ts';

test.describe('OpenID Connect', () => {
  let provider: Provider;
  let system: Console;
  test.beforeAll(async () => {
    provider = await startProvider();
    system = await startConsole({
      env: {
        WHEELHOUSE_INIT_ADMIN_EMAIL: 'ada@example.com',
        WHEELHOUSE_INIT_ADMIN_PASSWORD: 'correct horse battery',
        WHEELHOUSE_OIDC_ISSUER: provider.issuer,
        WHEELHOUSE_OIDC_CLIENT_ID: provider.clientId,
        WHEELHOUSE_OIDC_CLIENT_SECRET: provider.clientSecret,
        WHEELHOUSE_OIDC_NAME: 'Example SSO',
      },
    });
  });
  test.afterAll(async () => {
    await system?.remove();
    provider?.close();
  });

  test('a known person gets in by the identity provider, a stranger is told why not', async ({
    browser,
  }) => {
    const context = await browser.newContext({ baseURL: system.url });
    const page = patient(await context.newPage());
    const enter = async () => {
      await page.goto('/sign-in');
      await page.getByRole('button', { name: 'Sign in with Example SSO' }).click();
    };
    provider.become({ sub: 'x-1', email: 'eve@example.com', email_verified: true, name: 'Eve' });
    await enter();
    await expect(page).toHaveURL(/\/sign-in\?.*error=/);
    await expect(page.getByRole('alert').filter({ hasText: /./ }).first()).toBeVisible();

    provider.become({ sub: 'a-1', email: 'ada@example.com', email_verified: true, name: 'Ada' });
    await enter();
    await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
    const me = await (await page.request.get(`${system.url}/api/trpc/users.me`)).json();
    expect(me.result.data).toMatchObject({
      email: 'ada@example.com',
      role: 'admin',
      method: 'oidc',
    });
    expect(provider.faults).toEqual([]);
    await context.close();
  });
});
