/** What a browser can be made to do to the console by another site, and what every answer tells a browser. */
import { decode } from 'next-auth/jwt';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { procedureInfo } from '../api/procedures.ts';
import { publicProcedures } from '../api/trpc.ts';
import { limitOverrideSchema } from '../limits/contract.ts';
import { bearer, type TestHost, testAuthority, testHost } from '../platform/testing/host.ts';

const system = await testHost();
const { call, runtime } = system;
const { cookie } = await system.session();
const mutations = [...procedureInfo(runtime.router)]
  .filter(([, { kind }]) => kind === 'mutation')
  .map(([name]) => name);
// Otherwise what is limited by itself would be refused for that.
for (const name of ['users.changePassword', 'notify.channels.test']) {
  await runtime.limits.override(
    testAuthority,
    limitOverrideSchema.parse({ name, perMinute: 600_000, burst: 100_000, reason: 'for a test' }),
  );
}
/** As the program hands it to next-auth when it starts. */
const bridge = (
  { runtime: { signIn, sessions }, authSecret }: TestHost,
  secureCookies: boolean,
) => {
  globalThis.__wheelhouseAuth = {
    secret: authSecret,
    secureCookies,
    sessionMaxAgeSeconds: 3_600,
    oidc: null,
    signInWithPassword: signIn.signInWithPassword,
    signInWithOidc: signIn.signInWithOidc,
    signOut: sessions.signOut,
  };
};
afterAll(() => {
  globalThis.__wheelhouseAuth = undefined;
});
/** Reads all of an answer that ends, so that its connection is free again. */
const drained = async (answer: Response): Promise<Headers> => {
  await answer.arrayBuffer();
  return answer.headers;
};

describe('a change that another site sends with the cookie of an admin', () => {
  const json = 'application/json';
  const sites: [string, Record<string, string>][] = [
    ['from a foreign origin', { origin: 'https://evil.example', 'content-type': json }],
    ['from no origin', { 'content-type': json }],
    ['from an opaque origin', { origin: 'null', 'content-type': json }],
    [
      'from a name that begins alike',
      { origin: `${system.url}.evil.example`, 'content-type': json },
    ],
    ['from another port', { origin: 'http://127.0.0.1:1', 'content-type': json }],
    [
      'from another scheme',
      { origin: system.url.replace('http:', 'https:'), 'content-type': json },
    ],
    ['from a sibling', { origin: system.url, 'sec-fetch-site': 'same-site', 'content-type': json }],
    ['as a form', { origin: 'https://evil.example', 'content-type': 'text/plain' }],
    ['as a form without origin', { 'content-type': 'application/x-www-form-urlencoded' }],
  ];
  const audited = async () => runtime.db.prisma.auditEntry.count();

  test('there are mutations', () => {
    expect(mutations.length).toBeGreaterThan(50);
    expect(mutations).toContain('policies.create');
  });
  test.each(mutations)('%s is refused', async (name) => {
    const before = await audited();
    for (const [what, headers] of sites) {
      const answer = await call(`/api/trpc/${name}`, {
        method: 'POST',
        headers: { cookie, ...headers },
        body: '{}',
      });
      expect([what, answer.status]).toEqual([what, 403]);
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    }
    expect(await audited()).toBe(before);
  });
  test.each(mutations)('%s is not done by a link or an image', async (name) => {
    const input = encodeURIComponent('{}');
    for (const path of [
      `${name}?input=${input}`,
      `${name}?batch=1&input=${encodeURIComponent('{"0":{}}')}`,
    ]) {
      const answer = await call(`/api/trpc/${path}`, {
        headers: { cookie, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
      });
      expect(answer.status).toBe(405);
    }
  });
  test('a form of our own origin that is no JSON is refused too', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      const answer = await call('/api/trpc/users.rename', {
        method: 'POST',
        headers: { cookie, origin: system.url, 'content-type': type },
        body: '{"name":"Eve"}',
      });
      expect([type, answer.status]).toEqual([type, 415]);
    }
  });
  test('it may not ask first either', async () => {
    const answer = await call('/api/trpc/users.rename', {
      method: 'OPTIONS',
      headers: {
        origin: 'https://evil.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      },
    });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
  });
  test('what opens without a sign-in is refused as well', async () => {
    for (const name of mutations.filter((each) => publicProcedures.has(each))) {
      const answer = await call(`/api/trpc/${name}`, {
        method: 'POST',
        headers: { origin: 'https://evil.example', 'content-type': json },
        body: '{}',
      });
      expect([name, answer.status]).toEqual([name, 403]);
    }
  });
  test.each([
    'callback/credentials',
    'signin/credentials',
    'signin/oidc',
    'signout',
    '_log',
    'session',
  ])('next-auth %s is refused', async (path) => {
    for (const [what, headers] of sites.filter(([, given]) => given.origin !== undefined)) {
      const answer = await call(`/api/auth/${path}`, {
        method: 'POST',
        headers: { cookie, ...headers },
        body: 'email=a&password=b',
      });
      expect([what, answer.status]).toEqual([what, 403]);
    }
    const none = await call(`/api/auth/${path}`, {
      method: 'POST',
      headers: { cookie },
      body: 'a=b',
    });
    expect(none.status).toBe(403);
  });
});

describe('every kind of answer', () => {
  const key = bearer(system.keys.admin);
  const page = { headers: { cookie } };
  const asset = async () => {
    const html = await (await call('/users', page)).text();
    return /\/_next\/static\/[^"]+\.js/.exec(html)?.[0] ?? '';
  };
  const stream = async () => {
    const gone = new AbortController();
    const { headers } = await call('/api/stream', { headers: key, signal: gone.signal });
    gone.abort();
    return headers;
  };
  const kinds: [string, () => Promise<Response>][] = [
    ['a page', () => call('/users', page)],
    ['the page before sign-in', () => call('/sign-in')],
    ['a page that is not there', () => call('/nowhere', page)],
    ['a redirect', () => call('/users')],
    ['a payload of a page', () => call('/users?_rsc=x', { headers: { cookie, rsc: '1' } })],
    ['a hashed asset', async () => call(await asset())],
    ['a public file', () => call('/icon.svg')],
    ['the service worker', () => call('/sw.js')],
    ['next-auth', () => call('/api/auth/csrf')],
    ['an answer of the API', () => call('/api/trpc/system.info', { headers: key })],
    ['an error of the API', () => call('/api/trpc/users.nothing', { headers: key })],
    ['a refusal', () => call('/api/trpc/system.info')],
    ['a problem', () => call('/api/nothing')],
    ['an address that cannot be decoded', () => call('/%ff%fe')],
    ['metrics', () => call('/metrics')],
    ['a probe', () => call('/livez')],
    ['a refused heartbeat', () => call('/api/heartbeat/nothing', { method: 'POST' })],
    ['a refused webhook', () => call('/api/webhooks/alertmanager', { method: 'POST' })],
    ['a refused sample', () => call('/v1/metrics', { method: 'POST' })],
  ];
  const asked: [string, () => Promise<Headers>][] = [
    ...kinds.map(([kind, ask]): [string, () => Promise<Headers>] => [
      kind,
      async () => drained(await ask()),
    ]),
    ['a stream', stream],
  ];
  test.each(asked)(
    '%s: cannot be framed, sniffed, embedded, or told from where',
    async (_kind, ask) => {
      const headers = await ask();
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('same-origin');
      expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(headers.get('permissions-policy')).toContain('camera=()');
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toMatch(/default-src '(none|self)'/);
      expect(policy).not.toMatch(/script-src[^;]*'unsafe-(inline|eval)'/);
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('server')).toBeNull();
      expect(headers.get('access-control-allow-origin')).toBeNull();
    },
  );
  test('pages: no base, no plug-in, no form to elsewhere, no frame', async () => {
    const policy = (await call('/users', page)).headers.get('content-security-policy');
    for (const part of [
      "object-src 'none'",
      "base-uri 'none'",
      "form-action 'self'",
      "frame-ancestors 'none'",
    ])
      expect(policy).toContain(part);
  });
});

describe('markup in an address', () => {
  const hostile = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    '%3Cscript%3Ealert(1)%3C/script%3E',
    '{{7*7}}',
    '\u202egnp.exe',
  ];
  test.each(hostile)('%s is never answered as a page that holds it', async (text) => {
    const escaped = text.startsWith('%3C') ? text : encodeURIComponent(text);
    for (const path of [
      `/api/${escaped}`,
      `/api/trpc/${escaped}`,
      `/api/auth/${escaped}`,
      `/api/auth/error?error=${escaped}`,
      `/api/auth/signin?error=${escaped}&callbackUrl=${escaped}`,
      `/health/${escaped}`,
      `/${escaped}`,
      `/users/${escaped}?q=${escaped}`,
      `/sign-in?error=${escaped}&next=${escaped}`,
      `/setup?token=${escaped}`,
    ]) {
      for (const headers of [undefined, { cookie }, bearer(system.keys.viewer)]) {
        const answer = await call(path, headers ? { headers } : {});
        const type = answer.headers.get('content-type') ?? '';
        if (!type.includes('text/html')) {
          await answer.arrayBuffer();
          expect([path, type]).toEqual([path, expect.not.stringMatching(/html|xml|javascript/)]);
          continue;
        }
        const body = await answer.text();
        for (const raw of ['<script>alert(1)', '<img src=x', "'-alert(1)-'", '{{7*7}}', '\u202e'])
          expect([path, body.includes(raw)]).toEqual([path, false]);
      }
    }
  });
  test('no header can be written through it', async () => {
    for (const path of [
      '/users%0d%0aset-cookie:%20a=b',
      '/sign-in?next=/%0d%0aset-cookie:%20a=b',
      '/%0aLocation:%20//evil.example',
    ]) {
      const { headers } = await call(path);
      expect(headers.getSetCookie()).toEqual([]);
      expect(headers.get('location') ?? '/').toMatch(/^\/(?!\/)/);
    }
  });
});

describe('whoever has a session is not led away', () => {
  test.each([
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    '/%2f/evil.example',
    '/%5cevil.example',
    'javascript:alert(1)',
    '/\t/evil.example',
  ])('next=%s', async (next) => {
    const answer = await call(`/sign-in?next=${encodeURIComponent(next)}`, { headers: { cookie } });
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/']);
  });
  test.each([
    '//evil.example',
    '/\\evil.example',
    '//evil.example/%2e%2e',
    '/\\/evil.example/users',
  ])('a path such as %s is not taken for a host', async (path) => {
    for (const headers of [undefined, { cookie }]) {
      const location =
        (await call(path, headers ? { headers } : {})).headers.get('location') ?? '/';
      expect(new URL(location, system.url).origin).toBe(system.url);
    }
  });
});

describe('signing in and out', () => {
  beforeAll(() => bridge(system, false));
  const nameOf = (cookie: string) => cookie.split('=')[0] ?? '';
  const pairOf = (cookie: string) => cookie.split(';')[0] ?? '';
  const SESSION = 'next-auth.session-token';
  const begin = async () => {
    const answer = await call('/api/auth/csrf');
    const { csrfToken }: { csrfToken: string } = await answer.json();
    return { csrfToken, cookies: answer.headers.getSetCookie().map(pairOf) };
  };
  const post = (path: string, form: Record<string, string>, cookies: string[]) =>
    call(`/api/auth/${path}`, {
      method: 'POST',
      headers: { cookie: cookies.join('; '), origin: system.url },
      body: new URLSearchParams({ json: 'true', ...form }),
    });
  const { email, password } = system.admin;
  const signIn = async (over: Record<string, string> = {}, more: string[] = []) => {
    const { csrfToken, cookies } = await begin();
    const form = { csrfToken, email, password, ...over };
    const answer = await post('callback/credentials', form, [...cookies, ...more]);
    const session = answer.headers.getSetCookie().find((each) => nameOf(each) === SESSION);
    const text = await answer.text();
    return { answer, text, session: session ?? null };
  };
  const sidOf = async (cookie: string | null) => {
    const token = pairOf(cookie ?? '').slice(SESSION.length + 1);
    const payload = await decode({ token, secret: system.authSecret });
    return typeof payload?.sid === 'string' ? payload.sid : null;
  };
  const me = async (cookie: string) =>
    (await call('/api/trpc/users.me', { headers: { cookie: pairOf(cookie) } })).status;

  test('needs the token of next-auth, and that of this browser', async () => {
    const own = await signIn();
    expect(own.session).toMatch(/; HttpOnly; SameSite=Lax/);
    expect(await me(own.session ?? '')).toBe(200);
    const other = await begin();
    for (const csrfToken of ['', 'x', other.csrfToken])
      expect((await signIn({ csrfToken })).session).toBeNull();
  });
  test('a session that was there before is not taken over: each sign-in has its own', async () => {
    const planted = await system.session();
    const first = await signIn({}, [planted.cookie]);
    const second = await signIn({}, [pairOf(first.session ?? '')]);
    const ids = [planted.id, await sidOf(first.session), await sidOf(second.session)];
    expect(ids.every((id) => id !== null)).toBe(true);
    expect(new Set(ids).size).toBe(3);
    const forged = `${SESSION}=${'a'.repeat(200)}`;
    const third = await signIn({}, [forged]);
    expect(await sidOf(third.session)).not.toBeNull();
    expect(await me(forged)).toBe(401);
  });
  test('who signed out is out, also with a copy of the cookie', async () => {
    const { session } = await signIn();
    const { csrfToken, cookies } = await begin();
    const mine = pairOf(session ?? '');
    const forged = await post('signout', { csrfToken: 'x' }, [...cookies, mine]);
    await forged.arrayBuffer();
    expect(await me(mine)).toBe(200);
    await drained(await post('signout', { csrfToken }, [...cookies, mine]));
    await vi.waitFor(async () => expect(await me(mine)).toBe(401), {
      timeout: 2_000,
      interval: 50,
    });
  });
  test.each([
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example/',
    'javascript:alert(1)',
    'data:text/html,x',
    'http://127.0.0.1@evil.example/',
  ])('callbackUrl=%s leads nowhere else', async (callbackUrl) => {
    const { answer, text } = await signIn({ callbackUrl });
    const led: { url?: string } = JSON.parse(text);
    for (const place of [led.url, answer.headers.get('location')]) {
      if (place) expect(new URL(place, system.url).origin).toBe(system.url);
    }
    const plain = await call(`/api/auth/signin?callbackUrl=${encodeURIComponent(callbackUrl)}`);
    const location = (await drained(plain)).get('location') ?? '/';
    expect(new URL(location, system.url).origin).toBe(system.url);
    for (const cookie of plain.headers.getSetCookie().map(pairOf)) {
      const [name = '', value = ''] = cookie.split('=');
      if (name.endsWith('callback-url'))
        expect(new URL(decodeURIComponent(value)).origin).toBe(system.url);
    }
  });
});

describe('behind https', async () => {
  const publicUrl = 'https://ops.example.com';
  const trusted = await testHost({
    env: { WHEELHOUSE_PUBLIC_URL: publicUrl, WHEELHOUSE_TRUSTED_PROXIES: '127.0.0.1/32' },
  });
  const untrusted = await testHost({
    env: { WHEELHOUSE_PUBLIC_URL: publicUrl, WHEELHOUSE_TRUSTED_PROXIES: '192.0.2.1/32' },
  });
  const claims = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' };

  test('a proxy that is not trusted cannot claim it', async () => {
    const page = await untrusted.call('/users?q=1', { headers: claims });
    expect([page.status, page.headers.get('location')]).toEqual([308, `${publicUrl}/users?q=1`]);
    const change = await untrusted.call('/api/trpc/users.setup', {
      method: 'POST',
      headers: { ...claims, origin: publicUrl, 'content-type': 'application/json' },
      body: '{}',
    });
    expect(change.status).toBe(403);
    expect((await trusted.call('/sign-in', { headers: claims })).status).toBe(200);
  });
  test('the redirect goes to the public address, whatever host was named and however the path is written', async () => {
    for (const path of [
      '//evil.example/x',
      '/\\evil.example',
      '/@evil.example',
      '/x?u=//evil.example',
    ]) {
      const answer = await trusted.call(path, {
        headers: { ...claims, 'x-forwarded-proto': 'http', 'x-forwarded-host': 'evil.example' },
      });
      expect(answer.status).toBe(308);
      expect(new URL(answer.headers.get('location') ?? '').origin).toBe(publicUrl);
    }
  });
  test('HSTS is on every answer, and cookies are for https alone', async () => {
    for (const path of [
      '/sign-in',
      '/api/trpc/system.info',
      '/api/auth/csrf',
      '/icon.svg',
      '/nowhere',
      '/%ff',
    ]) {
      const { headers } = await trusted.call(path, { headers: claims });
      expect([path, headers.get('strict-transport-security')]).toEqual([
        path,
        'max-age=31536000; includeSubDomains',
      ]);
    }
    bridge(trusted, true);
    const { headers } = await trusted.call('/api/auth/csrf', { headers: claims });
    const cookies = headers.getSetCookie();
    expect(cookies.length).toBeGreaterThan(0);
    for (const each of cookies) {
      expect(each).toMatch(/^__(Host|Secure)-/);
      expect(each).toMatch(/; Secure/i);
      expect(each).toMatch(/; HttpOnly/i);
      expect(each).toMatch(/; SameSite=Lax/i);
    }
  });
  test('a cookie without the prefix is not read', async () => {
    const session = await trusted.session();
    const status = async (given: string) =>
      (await trusted.call('/api/trpc/users.me', { headers: { ...claims, cookie: given } })).status;
    expect(await status(session.cookie)).toBe(200);
    expect(await status(session.cookie.replace('__Secure-', ''))).toBe(401);
  });
  test('changes come from the public address alone', async () => {
    const session = await trusted.session();
    const rename = async (origin: string) =>
      (
        await trusted.call('/api/trpc/users.rename', {
          method: 'POST',
          headers: {
            ...claims,
            cookie: session.cookie,
            origin,
            'content-type': 'application/json',
          },
          body: '{"name":"Ada"}',
        })
      ).status;
    expect(await rename(publicUrl)).toBe(200);
    expect(await rename('http://ops.example.com')).toBe(403);
    expect(await rename('https://ops.example.com.evil.example')).toBe(403);
  });
  test('without https no HSTS is promised', async () => {
    expect((await call('/sign-in')).headers.get('strict-transport-security')).toBeNull();
  });
});
