import { request as rawRequest } from 'node:http';
import { describe, expect, test, vi } from 'vitest';
import { publicProcedures } from '../api/trpc.ts';
import { bearer, json, testAuthority, testHost } from '../platform/testing/host.ts';

const system = await testHost();
const { call, keys, runtime } = system;
const input = (value: unknown) => `?input=${encodeURIComponent(JSON.stringify(value))}`;

describe('who is not known is refused before anything is read', () => {
  test.each([
    ['no credentials', {}],
    ['a text that is no key', bearer('nonsense')],
    [
      'a key with a wrong checksum',
      bearer(`${keys.admin.slice(0, -1)}${keys.admin.endsWith('0') ? '1' : '0'}`),
    ],
    [
      'a well-formed key that nobody made',
      bearer('wh_0000000000000000000000000000000000000000000_0000000'),
    ],
    ['basic credentials', { authorization: 'Basic YTpi' }],
    ['an empty bearer', { authorization: 'Bearer ' }],
  ])('%s: 401 problem details', async (_name, headers) => {
    const answer = await call('/api/trpc/system.info', {
      headers: headers as Record<string, string>,
    });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    const problem = await answer.json();
    expect(problem).toMatchObject({ status: 401, title: 'Unauthorized' });
    expect(problem.requestId).toBe(answer.headers.get('x-request-id'));
  });

  test('a large body is not waited for', async () => {
    const { status, sent } = await new Promise<{ status: number; sent: number }>(
      (resolve, reject) => {
        const request = rawRequest(`${system.url}/api/trpc/users.invite`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            'content-length': 900_000,
            origin: system.url,
          },
        });
        request.on('response', (response) => {
          resolve({ status: response.statusCode ?? 0, sent: 10 });
          request.destroy();
        });
        request.on('error', reject);
        request.write('{"email":"');
      },
    );
    expect({ status, sent }).toEqual({ status: 401, sent: 10 });
  });

  test('a key that is revoked or has expired is refused within a second', async () => {
    const made = await runtime.keys.create(testAuthority, {
      name: 'short',
      role: 'viewer',
      scopes: [],
    });
    const status = async () =>
      (await call('/api/trpc/system.info', { headers: bearer(made.key) })).status;
    expect(await status()).toBe(200);
    await runtime.db.prisma.apiKey.update({
      where: { id: made.id },
      data: { revokedAt: new Date() },
    });
    await vi.waitFor(async () => expect(await status()).toBe(401), {
      timeout: 1_000,
      interval: 50,
    });
    const past = await runtime.keys.create(testAuthority, {
      name: 'past',
      role: 'viewer',
      scopes: [],
    });
    await runtime.db.prisma.apiKey.update({
      where: { id: past.id },
      data: { expiresAt: new Date('2020-01-01T00:00:00Z') },
    });
    expect((await call('/api/trpc/system.info', { headers: bearer(past.key) })).status).toBe(401);
  });
});

test('the stream of a revoked key ends', async () => {
  const made = await runtime.keys.create(testAuthority, { name: 'x', role: 'viewer', scopes: [] });
  const stream = await call('/api/stream', { headers: bearer(made.key) });
  const ended = stream.text();
  await runtime.db.prisma.apiKey.update({
    where: { id: made.id },
    data: { revokedAt: new Date() },
  });
  expect(await ended).toContain('event: ended');
});

describe('session cookies', () => {
  const me = async (cookie: string) =>
    (await call('/api/trpc/users.me', { headers: { cookie } })).status;

  test('a good one is accepted', async () => {
    expect(await me((await system.session()).cookie)).toBe(200);
  });
  test('forged, expired, without a session, or altered: 401', async () => {
    const { id } = await system.session();
    const payload = { uid: system.admin.id, sid: id };
    expect(await me(await system.cookie(payload, { secret: 'another secret' }))).toBe(401);
    expect(await me(await system.cookie(payload, { maxAge: -60 }))).toBe(401);
    expect(await me(await system.cookie({ uid: system.admin.id }))).toBe(401);
    expect(
      await me(await system.cookie({ ...payload, sid: '01a1fc6f-0000-7000-8000-000000000000' })),
    ).toBe(401);
    expect(await me(await system.cookie({ ...payload, sid: "' OR 1=1 --" }))).toBe(401);
    const good = (await system.session()).cookie;
    expect(await me(`${good.slice(0, -4)}AAAA`)).toBe(401);
  });
  test('a revoked one is refused everywhere within a second, and its stream ends', async () => {
    const { id, cookie } = await system.session();
    const stream = await call('/api/stream', { headers: { cookie } });
    expect(stream.status).toBe(200);
    const ended = stream.text();
    await runtime.sessions.revoke(testAuthority, id, { userId: system.admin.id, role: 'admin' });
    await vi.waitFor(async () => expect(await me(cookie)).toBe(401), {
      timeout: 1_000,
      interval: 50,
    });
    expect(await ended).toContain('event: ended');
  });
  test('a change that rides on a cookie must come from our own pages', async () => {
    const { cookie } = await system.session();
    const rename = (headers: Record<string, string>) =>
      call('/api/trpc/users.rename', {
        method: 'POST',
        headers: { cookie, 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ name: 'Ada' }),
      }).then((answer) => answer.status);
    expect(await rename({ origin: 'https://evil.example' })).toBe(403);
    expect(await rename({})).toBe(403);
    expect(await rename({ origin: 'null' })).toBe(403);
    expect(await rename({ origin: system.url, 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await rename({ origin: system.url, 'sec-fetch-site': 'same-origin' })).toBe(200);
  });
});

describe('roles', () => {
  const own = new Set([
    'users.rename',
    'users.changePassword',
    'sessions.revoke',
    'sessions.revokeOthers',
  ]);
  const procedures = Object.entries(runtime.router._def.procedures);
  const kind = (procedure: unknown) =>
    typeof procedure === 'function' && '_def' in procedure
      ? (procedure._def as { type: string }).type
      : 'unknown';
  const guarded = procedures.filter(([name]) => !publicProcedures.has(name) && !own.has(name));

  test('there are mutations to check', () => {
    expect(
      guarded.filter(([, procedure]) => kind(procedure) === 'mutation').length,
    ).toBeGreaterThan(4);
  });
  test.each(guarded.filter(([, p]) => kind(p) === 'mutation').map(([name]) => name))(
    'a viewer may not %s',
    async (name) => {
      const answer = await call(`/api/trpc/${name}`, json(keys.viewer, {}));
      expect(answer.status).toBe(403);
      expect((await answer.json()).error.data.code).toBe('FORBIDDEN');
    },
  );
  test.each(procedures.map(([name]) => name).filter((name) => !publicProcedures.has(name)))(
    'nobody calls %s without credentials',
    async (name) => {
      expect((await call(`/api/trpc/${name}`)).status).toBe(401);
    },
  );
  test.each(['audit.list', 'audit.verify', 'users.list', 'system.settings'])(
    'an operator may not %s',
    async (name) => {
      const answer = await call(`/api/trpc/${name}${input({})}`, {
        headers: bearer(keys.operator),
      });
      expect(answer.status).toBe(403);
    },
  );
  test('a public name in a batch does not open the others', async () => {
    const answer = await call('/api/trpc/users.setupState,users.list?batch=1');
    expect(answer.status).toBe(401);
  });
});

describe('bad input', () => {
  const post = (path: string, body: unknown) => call(path, json(keys.admin, body));

  test('malformed JSON is a 400 that says so', async () => {
    const answer = await post('/api/trpc/users.invite', '{"email":');
    expect(answer.status).toBe(400);
    expect((await answer.json()).error.data.requestId).toBe(answer.headers.get('x-request-id'));
  });
  test('wrong types name each field', async () => {
    const answer = await post('/api/trpc/users.invite', {
      email: 'nobody',
      name: '',
      role: 'king',
      more: 1,
    });
    expect(answer.status).toBe(400);
    const { data } = (await answer.json()).error;
    expect(data.code).toBe('BAD_REQUEST');
    expect(data.fields.map((fault: { path: string }) => fault.path)).toEqual(
      expect.arrayContaining(['email', 'name', 'role']),
    );
  });
  test('10 MB is a 413, another content type a 415, an unknown procedure a 404', async () => {
    const large = await post(
      '/api/trpc/users.invite',
      JSON.stringify({ name: 'x'.repeat(10_000_000) }),
    );
    expect(large.status).toBe(413);
    expect(large.headers.get('content-type')).toMatch(/problem\+json/);
    const form = await call('/api/trpc/users.invite', {
      method: 'POST',
      headers: { ...bearer(keys.admin), 'content-type': 'application/x-www-form-urlencoded' },
      body: 'name=x',
    });
    expect(form.status).toBe(415);
    const unknown = await call('/api/trpc/users.nothing', { headers: bearer(keys.admin) });
    expect(unknown.status).toBe(404);
    expect((await unknown.json()).error.data.code).toBe('NOT_FOUND');
    expect((await call('/api/nothing')).status).toBe(404);
  });
  test('a query by POST or a mutation by GET is refused', async () => {
    expect(
      (await call(`/api/trpc/users.rename${input({ name: 'x' })}`, { headers: bearer(keys.admin) }))
        .status,
    ).toBe(405);
  });
  test('more than 20 calls in a batch are refused', async () => {
    const names = Array.from({ length: 21 }, () => 'system.info').join(',');
    expect((await call(`/api/trpc/${names}?batch=1`, { headers: bearer(keys.admin) })).status).toBe(
      400,
    );
  });
  test('a cursor that is not one is a 400', async () => {
    for (const [name, cursor] of [
      ['audit.list', '1; DROP TABLE users'],
      ['users.list', 'x'],
      ['sessions.list', '%'],
    ]) {
      const extra = name === 'sessions.list' ? { userId: system.admin.id } : {};
      const answer = await call(`/api/trpc/${name}${input({ cursor, ...extra })}`, {
        headers: bearer(keys.admin),
      });
      expect([name, answer.status]).toEqual([name, 400]);
    }
  });
  test('SQL and HTML are text', async () => {
    const name = `<script>alert(1)</script>'; DROP TABLE users; --`;
    const made = await post('/api/trpc/users.invite', {
      email: 'eve@example.com',
      name,
      role: 'viewer',
    });
    expect(made.status).toBe(200);
    const found = await call(`/api/trpc/users.list${input({ q: "'; DROP TABLE" })}`, {
      headers: bearer(keys.admin),
    });
    expect(found.headers.get('content-type')).toMatch(/^application\/json/);
    expect(found.headers.get('x-content-type-options')).toBe('nosniff');
    expect((await found.json()).result.data.items[0].name).toBe(name);
    const audit = await call(
      `/api/trpc/audit.list${input({ actor: "x' OR '1'='1", target: '%' })}`,
      {
        headers: bearer(keys.admin),
      },
    );
    expect(audit.status).toBe(200);
  });
  test('control characters in a name are refused at the field', async () => {
    const answer = await post('/api/trpc/users.invite', {
      email: 'nul@example.com',
      name: 'a\u0000b',
      role: 'viewer',
    });
    expect(answer.status).toBe(400);
    expect((await answer.json()).error.data.fields[0].path).toBe('name');
  });
});

describe('what every answer carries', () => {
  test('security headers, a request id, no hint of the software', async () => {
    for (const path of [
      '/livez',
      '/metrics',
      '/api/trpc/system.info',
      '/api/nothing',
      '/sign-in',
      '/nowhere',
    ]) {
      const { headers } = await call(path, { headers: bearer(keys.viewer) });
      expect([path, headers.get('x-content-type-options')]).toEqual([path, 'nosniff']);
      expect([path, headers.get('x-frame-options')]).toEqual([path, 'DENY']);
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });
  test('pages allow scripts by hash and never inline ones at large; those before sign-in none at all', async () => {
    const { cookie } = await system.session();
    const scriptsOf = async (path: string, headers = {}) => {
      const policy = (await call(path, { headers })).headers.get('content-security-policy') ?? '';
      return /script-src ([^;]+)/.exec(policy)?.[1];
    };
    const scripts = await scriptsOf('/users', { cookie });
    expect(scripts).toContain("'sha256-");
    expect(scripts).not.toMatch(/unsafe-inline|unsafe-eval|\*/);
    expect(await scriptsOf('/sign-in')).toBe("'self'");
  });
  test('answers above 1 KB are compressed, smaller ones are not', async () => {
    // Not by fetch, which unpacks and hides the header.
    const encoding = (path: string, accept: string) =>
      new Promise((resolve, reject) => {
        const headers = { ...bearer(keys.admin), 'accept-encoding': accept };
        const request = rawRequest(system.url + path, { headers }, (response) => {
          response.resume();
          resolve(response.headers['content-encoding'] ?? null);
        });
        request.on('error', reject).end();
      });
    expect(await encoding('/api/trpc/system.settings', 'br')).toBe('br');
    expect(await encoding('/api/trpc/system.settings', 'gzip')).toBe('gzip');
    expect(await encoding('/api/trpc/system.info', 'br, gzip')).toBeNull();
    expect(await encoding('/setup', 'br')).toBe('br');
  });
  test('an unchanged answer is a 304', async () => {
    const headers = bearer(keys.admin);
    const first = await call('/api/trpc/system.settings', { headers });
    const etag = first.headers.get('etag') ?? '';
    expect(etag).not.toBe('');
    const second = await call('/api/trpc/system.settings', {
      headers: { ...headers, 'if-none-match': etag },
    });
    expect(second.status).toBe(304);
    const page = await call('/sign-in');
    const again = await call('/sign-in', {
      headers: { 'if-none-match': page.headers.get('etag') ?? '' },
    });
    expect(again.status).toBe(304);
  });
  test('a visitor without a session is sent to sign in, and back', async () => {
    const answer = await call('/users?user=1');
    expect(answer.status).toBe(302);
    expect(answer.headers.get('location')).toBe('/sign-in?next=%2Fusers%3Fuser%3D1');
    const { cookie } = await system.session();
    expect((await call('/users', { headers: { cookie } })).status).toBe(200);
    expect((await call('/sign-in', { headers: { cookie } })).headers.get('location')).toBe('/');
  });
});

describe('/metrics', () => {
  test('is open on this machine, and not through a proxy without a key', async () => {
    const answer = await call('/metrics');
    expect(answer.status).toBe(200);
    const text = await answer.text();
    for (const name of [
      'http_request_duration_seconds_count',
      'database_pool_connections',
      'jobs',
      'redis_up',
      'stream_clients',
    ]) {
      expect(text).toMatch(new RegExp(`^wheelhouse_${name}[ {]`, 'm'));
    }
    expect(text.endsWith('\n')).toBe(true);
    const forwarded = { 'x-forwarded-for': '203.0.113.9' };
    expect((await call('/metrics', { headers: forwarded })).status).toBe(401);
    expect(
      (await call('/metrics', { headers: { ...forwarded, ...bearer(keys.admin) } })).status,
    ).toBe(401);
    const scoped = await runtime.keys.create(testAuthority, {
      name: 'prom',
      role: 'viewer',
      scopes: ['metrics:read'],
    });
    expect(
      (await call('/metrics', { headers: { ...forwarded, ...bearer(scoped.key) } })).status,
    ).toBe(200);
  });
});

describe('the stream', () => {
  async function frames(path: string, count: number) {
    const stop = new AbortController();
    const answer = await call(path, { headers: bearer(keys.viewer), signal: stop.signal });
    const found: {
      id: number;
      at: number;
      data: { metrics: Record<string, number>; events: unknown[] };
    }[] = [];
    let text = '';
    for await (const chunk of answer.body ?? []) {
      text += Buffer.from(chunk).toString('utf8');
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const match = /event: frame\nid: (\d+)\ndata: (.*)/.exec(text.slice(0, end));
        text = text.slice(end + 2);
        if (match?.[2])
          found.push({ id: Number(match[1]), at: performance.now(), data: JSON.parse(match[2]) });
      }
      if (found.length >= count) break;
    }
    stop.abort();
    return found;
  }

  test('sends a frame each 500 ms with increasing ids, and just the topics that were asked for', async () => {
    const got = await frames('/api/stream?topics=database', 4);
    const gaps = got.slice(1).map((frame, i) => frame.at - (got[i]?.at ?? 0));
    for (const gap of gaps) expect(gap).toBeGreaterThan(300);
    expect(Math.max(...gaps)).toBeLessThan(900);
    expect(got.map((frame) => frame.id)).toEqual(
      [...got.map((frame) => frame.id)].sort((a, b) => a - b),
    );
    const names = Object.keys(got[0]?.data.metrics ?? {});
    expect(names).toContain('database_up');
    expect(names.every((name) => name.startsWith('database_'))).toBe(true);
  });
  test('goes on after a gap from the last id that was seen', async () => {
    const [first, second, third] = await frames('/api/stream?topics=http', 3);
    const resumed = await frames(`/api/stream?topics=http&lastEventId=${first?.id}`, 2);
    expect(resumed.map((frame) => frame.id).slice(0, 2)).toEqual([second?.id, third?.id]);
  });
  test('tells what changed in the next frame', async () => {
    const watching = frames('/api/stream?topics=users', 3);
    await call(
      '/api/trpc/users.invite',
      json(keys.admin, { email: 'joan@example.com', name: 'Joan', role: 'viewer' }),
    );
    const events = (await watching).flatMap((frame) => frame.data.events);
    expect(events).toContainEqual(expect.objectContaining({ topic: 'users', type: 'changed' }));
  });
});
