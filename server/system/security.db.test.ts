import { chmodSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bearer, testAuthority, testHost } from '../platform/testing/host.ts';
import { ruleSchema } from '../policies/contract.ts';
import type { SecurityItem } from './contract.ts';

const system = await testHost({
  env: {
    WHEELHOUSE_PUBLIC_URL: 'https://ops.example.com',
    WHEELHOUSE_TRUSTED_PROXIES: '127.0.0.1/32',
    WHEELHOUSE_ALLOWED_ORIGINS: 'https://portal.example.com',
    WHEELHOUSE_SESSION_DAYS: '60',
  },
});
const { call, keys, runtime } = system;
const proxied = {
  'x-forwarded-for': '203.0.113.9',
  'x-forwarded-proto': 'https',
};
const headers = { ...bearer(keys.admin), ...proxied };
const list = async () => {
  const answer = await call('/api/trpc/system.security', { headers });
  const { items }: { items: SecurityItem[] } = (await answer.json()).result.data;
  return new Map(items.map((item) => [item.id, item]));
};

test('each line is what the console does', async () => {
  const items = await list();
  const sent = (await call('/sign-in', { headers: proxied })).headers;
  expect(items.get('hsts')?.value).toBe(sent.get('strict-transport-security'));
  expect(sent.get('content-security-policy')?.split(';')[0]).toBe(
    items.get('csp')?.value.split(';')[0],
  );
  const { cookie } = await system.session();
  expect(cookie.startsWith(`${items.get('cookies')?.value}=`)).toBe(true);
  expect(items.get('public-url')).toMatchObject({ state: 'ok', value: 'https://ops.example.com' });
  expect(items.get('proxies')?.value).toBe('127.0.0.1/32');
  expect(items.get('cors')?.value).toBe('https://portal.example.com');
  expect(items.get('sessions')).toMatchObject({ state: 'warn', value: '60 days' });
  expect(items.get('admins')).toMatchObject({ state: 'warn', value: '1 admin, 1 with a password' });
  expect(items.get('outgoing')?.state).toBe('ok');
  expect(items.get('secret')?.value).toBe('from the environment');
});

test('what changes shows', async () => {
  expect((await list()).get('policies')).toMatchObject({ state: 'warn', value: 'allow, 0 rules' });
  await runtime.policies.create(
    testAuthority,
    ruleSchema.parse({ name: 'x', subject: 'agent:x', tool: '*', effect: 'deny' }),
  );
  expect((await list()).get('policies')).toMatchObject({ state: 'ok', value: 'allow, 1 rule' });

  expect((await list()).get('audit')).toMatchObject({ state: 'warn' });
  await runtime.auditReader.verify(AbortSignal.timeout(10_000));
  expect((await list()).get('audit')).toMatchObject({ state: 'ok' });
  await runtime.db.pool.query('ALTER TABLE audit_entries DISABLE TRIGGER USER');
  await runtime.db.pool.query("UPDATE audit_entries SET actor_name = 'nobody' WHERE seq = 1");
  await runtime.auditReader.verify(AbortSignal.timeout(10_000));
  expect((await list()).get('audit')).toMatchObject({ state: 'bad' });

  const { dataDir } = runtime.config;
  chmodSync(dataDir, 0o777);
  expect((await list()).get('data-folder')).toMatchObject({ state: 'bad', value: 'mode 777' });
  chmodSync(dataDir, 0o711);

  const before = (await list()).get('keys-admin')?.value;
  await runtime.keys.create(testAuthority, { name: 'all', role: 'admin', scopes: [] });
  expect(Number((await list()).get('keys-admin')?.value)).toBe(Number(before) + 1);
});

test('no secret is among the lines', async () => {
  const text = JSON.stringify([...(await list()).values()]);
  expect(text).not.toContain(runtime.config.secret);
  expect(text).not.toContain(
    new URL(runtime.config.DATABASE_URL ?? 'x:').password || 'no password',
  );
});
