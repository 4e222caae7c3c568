import { request as rawRequest } from 'node:http';
import { connect } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { bearer, json, testHost } from '../platform/testing/host.ts';

const system = await testHost();
const { call, keys, runtime } = system;
const asAdmin = { headers: bearer(keys.admin) };
const query = (name: string, input: unknown) =>
  call(`/api/trpc/${name}?input=${encodeURIComponent(JSON.stringify(input))}`, asAdmin);
/** A request as written, also one that no client library would send. */
const raw = (text: string) =>
  new Promise<string>((resolve) => {
    const socket = connect(system.host.port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.setTimeout(3_000, () => socket.destroy());
    socket.on('data', (chunk) => {
      answer += String(chunk);
    });
    // A server that refuses may close before it has read everything.
    socket.on('error', () => undefined).on('close', () => resolve(answer));
  });
const kindOf = (procedure: unknown) =>
  typeof procedure === 'function' && '_def' in procedure
    ? (procedure._def as { type: string }).type
    : 'unknown';

describe('no text is an error of the server', () => {
  const odd = [
    '\u0000',
    'a\u0000b',
    '\ud800',
    'a\udfff',
    '\\u0000',
    '%',
    '_',
    '\\',
    "'",
    '\u202e',
    '😀',
  ];
  test.each([
    ['users.list', 'q'],
    ['audit.list', 'actor'],
    ['audit.list', 'action'],
    ['audit.list', 'target'],
    ['audit.list', 'from'],
    ['audit.list', 'cursor'],
    ['users.list', 'cursor'],
  ])('%s by %s', async (name, field) => {
    for (const text of odd) {
      const { status } = await query(name, { [field]: text });
      expect([text, status < 500]).toEqual([text, true]);
    }
  });
  test('a name that is no Unicode text is refused at the field, one that is arrives unchanged', async () => {
    const invite = async (name: string, n: number) =>
      call(
        '/api/trpc/users.invite',
        json(keys.admin, { name, email: `odd${n}@example.com`, role: 'viewer' }),
      );
    for (const name of ['a\ud800', '\udc00b', 'a\u0000', '\u202egnp', 'Ada\u200b']) {
      const answer = await invite(name, 1);
      expect([name, answer.status]).toEqual([name, 400]);
      expect((await answer.json()).error.data.fields[0].path).toBe('name');
    }
    const good = ['😀 Ada', '\\u0000', 'a\\b', 'עדה', "O'Brien"];
    for (const [n, name] of good.entries()) expect((await invite(name, 10 + n)).status).toBe(200);
    const { items } = (await (await query('users.list', { q: 'odd' })).json()).result.data;
    expect(items.map((item: { name: string }) => item.name)).toEqual(good);
    expect((await (await call('/api/trpc/audit.verify', asAdmin)).json()).result.data.ok).toBe(
      true,
    );
  });
  test('what stands for anything in SQL stands for itself in a filter', async () => {
    for (const q of ['%', '_', 'A%a']) {
      const { items } = (await (await query('users.list', { q })).json()).result.data;
      expect([q, items]).toEqual([q, []]);
    }
    for (const target of ['%', '_', 'k_y']) {
      const { items } = (await (await query('audit.list', { target })).json()).result.data;
      expect([target, items]).toEqual([target, []]);
    }
  });
});

describe('no input is an error of the server', () => {
  const procedures = Object.entries(runtime.router._def.procedures);
  test.each(procedures.map(([name, procedure]) => [name, kindOf(procedure)]))(
    '%s (%s)',
    async (name, kind) => {
      const send = (text: string) =>
        kind === 'query'
          ? call(`/api/trpc/${name}?input=${encodeURIComponent(text)}`, asAdmin)
          : call(`/api/trpc/${name}`, json(keys.admin, text));
      const documents = fc.oneof(
        fc.json(),
        fc.jsonValue().map((value) =>
          JSON.stringify({
            id: value,
            q: value,
            token: value,
            name: value,
            cursor: value,
            limit: value,
          }),
        ),
        fc.constantFrom(
          '',
          '{',
          'null',
          '[]',
          '0',
          '"x"',
          '{"__proto__":{"role":"admin"}}',
          '{"constructor":1}',
          '{"limit":1e999}',
          `{"limit":-0}`,
          '['.repeat(5_000),
        ),
      );
      await fc.assert(
        fc.asyncProperty(documents, async (text) => {
          const { status } = await send(text);
          expect(status).toBeLessThan(500);
        }),
        { numRuns: 25 },
      );
    },
  );
});

describe('odd requests', () => {
  const head = (method: string, path: string, more = '') =>
    raw(
      `${method} ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer ${keys.admin}\r\n${more}\r\n`,
    );
  test.each([
    ['GET', '/api/trpc/%zz', 400],
    ['GET', '/%E0%A4%A', 400],
    ['GET', '/%00', 404],
    ['GET', '/..%2f..%2fpackage.json', 404],
    ['GET', '/../../package.json', 404],
    ['GET', '/_next/static/..%2f..%2fserver%2fapp%2findex.html', 404],
    ['GET', '/_next/static/../../package.json', 403],
    ['GET', '/.wheelhouse/secret', 404],
    ['GET', '/_next/image?url=%2Ftheme.js&w=64&q=75', 404],
    ['GET', '//evil.example/', 404],
    ['GET', '/\\evil.example', 404],
    ['TRACE', '/', 404],
    ['PUT', '/api/trpc/users.rename', 404],
    ['DELETE', '/users', 404],
    ['OPTIONS', '/api/trpc/system.info', 404],
    ['HEAD', '/livez', 200],
    ['HEAD', '/users', 200],
    ['HEAD', '/api/stream', 404],
  ])('%s %s: %i', async (method, path, status) => {
    const answer = await head(method, path);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toMatch(/\r\nx-request-id: /i);
    expect(answer).toMatch(/\r\nx-content-type-options: nosniff/i);
    if (status >= 400 && path.startsWith('/api'))
      expect(answer).toMatch(/\r\ncontent-type: application\/problem\+json/i);
    expect(answer).not.toMatch(/"devDependencies"|FST_ERR|at .*\.ts:\d/);
  });
  test('what is no HTTP, and headers without end, are answered and closed', async () => {
    expect(await raw('nonsense\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
    expect(await raw(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 431 /,
    );
    expect(
      await raw(
        'POST /api/trpc/users.rename HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      ),
    ).toMatch(/^HTTP\/1.1 400 /);
  });
  test('a caller who goes away in the middle is not counted for ever', async () => {
    await vi.waitFor(() => expect(runtime.metrics.recent().inFlight).toBe(0));
    for (let i = 0; i < 5; i++) {
      await new Promise<void>((resolve) => {
        const request = rawRequest(`${system.url}/api/trpc/users.invite`, {
          method: 'POST',
          headers: {
            ...bearer(keys.admin),
            'content-type': 'application/json',
            'content-length': 100,
          },
        });
        request.on('error', () => resolve());
        request.write('{"name":');
        vi.waitFor(() => expect(runtime.metrics.recent().inFlight).toBeGreaterThan(0)).finally(() =>
          request.destroy(),
        );
      });
    }
    await vi.waitFor(() => expect(runtime.metrics.recent().inFlight).toBe(0), { timeout: 3_000 });
  });
});
