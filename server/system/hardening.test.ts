import { expect, test } from 'vitest';
import { checklist, type SecurityFacts } from './hardening.ts';

const safe: SecurityFacts = {
  dev: false,
  host: '127.0.0.1',
  publicUrl: 'https://ops.example.com',
  trustedProxies: ['10.0.0.0/8'],
  allowedOrigins: [],
  contentPolicy: "default-src 'self'; script-src 'self'; frame-ancestors 'none'",
  cookieName: '__Secure-next-auth.session-token',
  hsts: 'max-age=31536000; includeSubDomains',
  secret: { source: 'generated', file: { mode: 0o100600, modifiedAt: new Date('2026-01-01') } },
  dataFolderMode: 0o40711,
  limits: { counting: 'shared', replicas: 2, errors: 0 },
  throttle: { allowed: 5, firstLockMs: 30_000, maxLockMs: 900_000, lockedNow: 0 },
  sessionDays: 7,
  signIn: { oidcIssuer: 'https://login.example.com', oidcDefaultRole: null },
  admins: { active: 2, withPassword: 1 },
  initialPassword: false,
  keys: { live: 3, endless: 1, overdue: 0, unscopedAdmins: 0 },
  metricsKeys: 1,
  tokens: { loaded: true, detail: '0 known' },
  policies: { defaultEffect: 'allow', rules: 1, current: true },
  audit: { at: new Date('2026-01-10T04:17:00Z'), ok: true, checked: 12 },
  outgoing: [{ address: '169.254.169.254', refused: true }],
  databaseUrl: 'postgres://u:p@db.example.com/w?sslmode=verify-full',
  redisUrl: 'rediss://:p@redis.example.com',
  dependencies: { auditedAt: '2026-01-09', lockUnchanged: true },
  now: new Date('2026-01-11'),
};
const of = (facts: Partial<SecurityFacts>, id: string) =>
  checklist({ ...safe, ...facts }).find((item) => item.id === id);
const stateOf = (facts: Partial<SecurityFacts>, id: string) => of(facts, id)?.state;

test('a console that is set up well has nothing to do; each line has its own id and says why and how', () => {
  const items = checklist(safe);
  expect(items.filter(({ state }) => state !== 'ok')).toEqual([]);
  expect(new Set(items.map(({ id }) => id)).size).toBe(items.length);
  expect(items.length).toBeGreaterThan(20);
  for (const { value, why, how } of items) expect([value, why, how].every(Boolean)).toBe(true);
});

const here = { publicUrl: null, hsts: null, cookieName: 'next-auth.session-token' };
test.each<[string, Partial<SecurityFacts>, string]>([
  ['public-url', here, 'warn'],
  ['public-url', { ...here, host: '0.0.0.0' }, 'bad'],
  ['public-url', { publicUrl: 'http://ops.example.com' }, 'bad'],
  ['hsts', here, 'warn'],
  ['hsts', { hsts: 'max-age=60' }, 'warn'],
  ['cookies', here, 'warn'],
  ['cookies', { cookieName: 'next-auth.session-token' }, 'bad'],
  ['proxies', { trustedProxies: [] }, 'bad'],
  ['proxies', { trustedProxies: ['0.0.0.0/0'] }, 'bad'],
  ['proxies', { ...here, trustedProxies: [] }, 'ok'],
  ['database-tls', { databaseUrl: 'postgres://u:p@db.example.com/w' }, 'warn'],
  ['database-tls', { databaseUrl: 'postgres://u:p@127.0.0.1/w' }, 'ok'],
  ['database-tls', { databaseUrl: null }, 'ok'],
  ['redis-tls', { redisUrl: 'redis://redis.example.com' }, 'warn'],
  ['csp', { dev: true }, 'bad'],
  ['csp', { contentPolicy: "script-src 'self' 'unsafe-inline'; frame-ancestors 'none'" }, 'bad'],
  ['csp', { contentPolicy: "script-src 'self'" }, 'bad'],
  ['cors', { allowedOrigins: ['http://portal.example.com'] }, 'warn'],
  ['cors', { allowedOrigins: ['https://portal.example.com'] }, 'ok'],
  ['sign-in', { signIn: { oidcIssuer: null, oidcDefaultRole: null } }, 'warn'],
  ['sign-in', { signIn: { oidcIssuer: 'https://x', oidcDefaultRole: 'admin' } }, 'bad'],
  ['throttle', { throttle: { ...safe.throttle, lockedNow: 21 } }, 'warn'],
  ['sessions', { sessionDays: 90 }, 'warn'],
  ['admins', { admins: { active: 1, withPassword: 1 } }, 'warn'],
  ['initial-password', { initialPassword: true }, 'warn'],
  ['keys-rotation', { keys: { ...safe.keys, overdue: 1 } }, 'warn'],
  ['keys-admin', { keys: { ...safe.keys, unscopedAdmins: 1 } }, 'warn'],
  ['tokens', { tokens: { loaded: false, detail: 'not read yet' } }, 'bad'],
  ['policies', { policies: { defaultEffect: 'allow', rules: 0, current: true } }, 'warn'],
  ['policies', { policies: { defaultEffect: 'deny', rules: 0, current: true } }, 'ok'],
  ['policies', { policies: { defaultEffect: 'deny', rules: 0, current: false } }, 'bad'],
  ['limits', { limits: { counting: 'process', replicas: 2, errors: 0 } }, 'warn'],
  ['limits', { limits: { counting: 'process', replicas: 1, errors: 0 } }, 'ok'],
  ['limits', { limits: { counting: 'shared', replicas: 1, errors: 3 } }, 'bad'],
  [
    'secret',
    { secret: { source: 'generated', file: { mode: 0o100644, modifiedAt: safe.now } } },
    'bad',
  ],
  ['secret', { secret: { source: 'environment', file: null } }, 'ok'],
  ['data-folder', { dataFolderMode: 0o40777 }, 'bad'],
  ['metrics-route', { metricsKeys: 6 }, 'warn'],
  ['audit', { audit: null }, 'warn'],
  ['audit', { audit: { at: safe.now, ok: false, checked: 3 } }, 'bad'],
  ['audit', { audit: { at: new Date('2026-01-01'), ok: true, checked: 3 } }, 'warn'],
  ['outgoing', { outgoing: [{ address: '169.254.169.254', refused: false }] }, 'bad'],
  ['dependencies', { dependencies: null }, 'warn'],
  ['dependencies', { dependencies: { auditedAt: '2026-01-09', lockUnchanged: false } }, 'warn'],
])('%s with %j: %s', (id, facts, state) => {
  expect(stateOf(facts, id)).toBe(state);
});

test('no secret of an address is shown', () => {
  const text = JSON.stringify(checklist(safe));
  expect(text).not.toContain('u:p');
  expect(text).not.toContain(':p@');
  expect(of({}, 'database-tls')?.value).toBe('db.example.com, encrypted');
});
