/** Checks against real servers that misbehave in every way that is known, and the remedies against their protocols. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTls } from 'node:https';
import { createServer as createTcp } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../platform/clock.ts';
import { createHttpClient } from '../platform/http-client.ts';
import { testDatabase } from '../platform/testing/index.ts';
import { freePort, startRedis } from '../platform/testing/redis.ts';
import { signWebhook } from '../platform/webhook-signature.ts';
import { createProber } from './checks/index.ts';
import {
  type Expect,
  type TargetKind,
  targetCreateSchema,
  targetSettingsSchema,
} from './contract.ts';
import { createRemedies } from './remedies/index.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'wheelhouse-checks-'));
const closables: (() => void)[] = [];
afterAll(async () => {
  for (const close of closables) close();
  await http.close();
  rmSync(folder, { recursive: true, force: true });
});
const http = createHttpClient();
const prober = createProber({ http, clock: systemClock });

async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  server.listen(0, host);
  await once(server, 'listening');
  closables.push(() => {
    server.closeAllConnections?.();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}
const check = (
  kind: Exclude<TargetKind, 'heartbeat'>,
  url: string,
  options: {
    expect?: Expect;
    timeoutMs?: number;
    verifyTls?: boolean;
    headers?: Record<string, string>;
  } = {},
) =>
  prober({
    kind,
    url,
    headers: options.headers ?? {},
    settings: targetSettingsSchema.parse({
      expect: options.expect ?? {},
      verifyTls: options.verifyTls ?? true,
    }),
    timeoutMs: options.timeoutMs ?? 2_000,
    signal: new AbortController().signal,
  });

let bytesSent = 0;
const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://x');
  switch (url.pathname) {
    case '/loop':
      return response.writeHead(302, { location: '/loop' }).end();
    case '/once':
      return response.writeHead(302, { location: '/' }).end();
    case '/huge': {
      response.writeHead(200);
      const chunk = Buffer.alloc(256 * 1024, 'a');
      const push = () => {
        while (!response.destroyed && bytesSent < 1024 ** 3 && response.write(chunk))
          bytesSent += chunk.length;
      };
      response.on('drain', push);
      return push();
    }
    case '/hang':
      return;
    case '/slow':
      return void setTimeout(() => response.end('late'), 300);
    case '/trickle':
      response.writeHead(200);
      return void closables.push(
        (
          (timer) => () =>
            clearInterval(timer)
        )(setInterval(() => response.write('.'), 100)),
      );
    case '/reset':
      return request.socket.destroy();
    case '/status':
      return response.writeHead(Number(url.searchParams.get('code'))).end();
    case '/header':
      return response.end(String(request.headers['x-secret']));
    default:
      return response.end('{"status":"ok"}');
  }
});
const port = await listen(server);
const base = `http://127.0.0.1:${port}`;

const DAY_MS = 86_400_000;
type Days = [from: number, to: number];
type Name = { type: 2 | 7; value?: string; ip?: string };
async function selfSigned(name: string, days: Days, san: Name) {
  const { private: key, cert } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    notBeforeDate: new Date(Date.now() + days[0] * DAY_MS),
    notAfterDate: new Date(Date.now() + days[1] * DAY_MS),
    extensions: [{ name: 'subjectAltName', altNames: [san] }],
  });
  return { key, cert };
}
const tlsPort = async (name: string, days: Days, san: Name) =>
  listen(createTls(await selfSigned(name, days, san), (_request, response) => response.end('ok')));

describe('HTTP', () => {
  test.each([
    ['a good answer', '/', {}, true, 'status 200', null],
    ['a redirect that ends', '/once', {}, true, 'status 200', null],
    ['a redirect that does not', '/loop', {}, false, 'More than 5 redirects', 'other'],
    ['a redirect that is expected', '/once', { expect: { status: 302 } }, true, 'status 302', null],
    ['an error', '/status?code=503', {}, false, 'status 503, expected 200 to 399', 'status'],
    [
      'an error that is expected',
      '/status?code=503',
      { expect: { status: [503, 504] } },
      true,
      'status 503',
      null,
    ],
    [
      'another status than expected',
      '/',
      { expect: { status: 204 } },
      false,
      'status 200, expected 204',
      'status',
    ],
    [
      'a body that is right',
      '/',
      { expect: { bodyIncludes: '"status":"ok"' } },
      true,
      'status 200',
      null,
    ],
    [
      'a body that is wrong',
      '/',
      { expect: { bodyIncludes: 'banana' } },
      false,
      'does not contain "banana"',
      'body',
    ],
    [
      'an answer that never comes',
      '/hang',
      { timeoutMs: 300 },
      false,
      'no answer within 300 ms',
      'timeout',
    ],
    [
      'an answer that never ends',
      '/trickle',
      { timeoutMs: 400 },
      false,
      'no answer within 400 ms',
      'timeout',
    ],
    ['a connection that breaks', '/reset', {}, false, 'closed', 'reset'],
  ] as const)('%s', async (_name, where, options, ok, detail, symptom) => {
    const result = await check('http', base + where, options as Parameters<typeof check>[2]);
    expect(result).toMatchObject({ ok, symptom });
    expect(result.detail).toContain(detail);
  });

  test('a body of 1 GB is not read', async () => {
    const result = await check('http', `${base}/huge`, { expect: { bodyIncludes: 'b' } });
    expect(result).toMatchObject({ ok: false, symptom: 'body' });
    expect(result.detail).toContain('in the first 1024 KiB');
    expect(bytesSent).toBeLessThan(32 * 1024 * 1024);
    expect((await check('http', `${base}/huge`)).ok).toBe(true);
  });

  test('slow is impaired, not failed; headers are sent', async () => {
    const slow = await check('http', `${base}/slow`, { expect: { maxLatencyMs: 100 } });
    expect(slow).toMatchObject({ ok: true, impaired: expect.stringContaining('more than 100 ms') });
    expect(slow.latencyMs).toBeGreaterThan(290);
    const sent = await check('http', `${base}/header`, {
      headers: { 'x-secret': 'sesame' },
      expect: { bodyIncludes: 'sesame' },
    });
    expect(sent.ok).toBe(true);
  });

  test('nobody listens, no such name, an address that is never connected to, no HTTP at all', async () => {
    const closed = await freePort();
    expect(await check('http', `http://127.0.0.1:${closed}/`)).toMatchObject({
      symptom: 'refused',
    });
    expect(await check('http', 'http://nowhere.invalid/')).toMatchObject({ symptom: 'dns' });
    expect(await check('http', 'http://169.254.169.254/latest')).toMatchObject({
      symptom: 'address',
    });
    const noise = createTcp((socket) => socket.end('SSH-2.0-noise\r\n'));
    noise.listen(0, '127.0.0.1');
    await once(noise, 'listening');
    closables.push(() => noise.close());
    const address = noise.address();
    const noisePort = typeof address === 'object' && address ? address.port : 0;
    expect((await check('http', `http://127.0.0.1:${noisePort}/`)).ok).toBe(false);
    expect(await check('http', `https://127.0.0.1:${port}/`)).toMatchObject({
      ok: false,
      symptom: 'tls',
    });
  });

  test('certificates: unknown, expired, for another name, about to end', async () => {
    const here = { type: 7, ip: '127.0.0.1' } as const;
    const soon = await tlsPort('soon', [-1, 4.5], here);
    const expired = await tlsPort('old', [-20, -10], here);
    const other = await tlsPort('other', [-1, 90], { type: 2, value: 'other.example' });
    expect(await check('http', `https://127.0.0.1:${soon}/`)).toMatchObject({
      ok: false,
      symptom: 'tls',
      detail: expect.stringContaining('self-signed'),
    });
    expect(await check('http', `https://127.0.0.1:${other}/`)).toMatchObject({
      ok: false,
      symptom: 'tls',
    });
    const lenient = await check('http', `https://127.0.0.1:${soon}/`, { verifyTls: false });
    expect(lenient).toMatchObject({ ok: true, impaired: 'the TLS certificate ends in 4 days' });
    expect(Date.parse(lenient.tlsExpiresAt ?? '')).toBeGreaterThan(Date.now());
    const old = await check('http', `https://127.0.0.1:${expired}/`, { verifyTls: false });
    expect(old).toMatchObject({ ok: true, impaired: 'the TLS certificate has expired' });
    expect((await check('http', `https://127.0.0.1:${expired}/`)).symptom).toBe('tls');
  });
});

describe('TCP, PostgreSQL, Redis', () => {
  test('a port', async () => {
    expect(await check('tcp', `tcp://127.0.0.1:${port}`)).toMatchObject({ ok: true });
    expect(await check('tcp', `tcp://127.0.0.1:${await freePort()}`)).toMatchObject({
      symptom: 'refused',
    });
    expect(await check('tcp', 'tcp://169.254.0.1:80')).toMatchObject({ symptom: 'address' });
  });
  test('PostgreSQL: answers, wrong password, no such database, nobody, something else', async () => {
    const url = await testDatabase({ empty: true });
    expect(await check('postgres', url)).toMatchObject({ ok: true, detail: 'answers' });
    const wrong = new URL(url);
    wrong.password = 'wrong';
    expect(await check('postgres', wrong.href)).toMatchObject({ symptom: 'auth' });
    const missing = new URL(url);
    missing.pathname = '/nothing';
    expect(await check('postgres', missing.href)).toMatchObject({ symptom: 'protocol' });
    expect(
      await check('postgres', `postgresql://u:p@127.0.0.1:${await freePort()}/x`),
    ).toMatchObject({ symptom: 'refused' });
    expect(
      (await check('postgres', `postgresql://u:p@127.0.0.1:${port}/x`, { timeoutMs: 500 })).ok,
    ).toBe(false);
  });
  test('Redis: answers, frozen, gone', async () => {
    const redis = await startRedis();
    try {
      expect(await check('redis', redis.url)).toMatchObject({ ok: true, detail: 'answers PONG' });
      redis.freeze();
      expect(await check('redis', redis.url, { timeoutMs: 300 })).toMatchObject({
        symptom: 'timeout',
      });
      redis.thaw();
    } finally {
      await redis.stop();
    }
    expect(await check('redis', redis.url)).toMatchObject({ symptom: 'refused' });
  });
});

describe('remedies', () => {
  const calls: { method: string; url: string; headers: Record<string, unknown>; body: string }[] =
    [];
  let answer = { status: 204, body: '' };
  const docker = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      calls.push({
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body,
      });
      if (answer.status > 0)
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
    });
  });
  const socketPath = path.join(folder, 'docker.sock');
  const script = path.join(folder, 'fix.sh');
  writeFileSync(script, '#!/bin/sh\necho "$WHEELHOUSE_TARGET_NAME|$1|$HOME"\nexit "$2"\n', {
    mode: 0o755,
  });
  const remedies = createRemedies({
    http,
    clock: systemClock,
    dockerSocket: socketPath,
    commands: {
      good: { run: [script, '$(id); rm -rf /', '0'], timeoutSeconds: 5 },
      bad: { run: [script, 'x', '3'], timeoutSeconds: 5 },
      hangs: { run: ['/bin/sh', '-c', 'sleep 60 & sleep 60'], timeoutSeconds: 1 },
      missing: { run: ['/nowhere/program'], timeoutSeconds: 1 },
      loud: { run: ['/bin/sh', '-c', 'yes | head -c 10000000'], timeoutSeconds: 5 },
    },
  });
  const request = {
    runId: 'run-1',
    attempt: 1,
    target: { id: 'id', name: '"; drop table targets; --' },
    symptom: 'refused',
    incidentId: null,
    secret: 'a shared secret',
    signal: new AbortController().signal,
  };

  test('a command: no shell, its own small environment, its output kept', async () => {
    expect(await remedies.run({ kind: 'command', name: 'good' }, request)).toEqual({
      ok: true,
      detail: 'exit code 0',
      output: '"; drop table targets; --|$(id); rm -rf /|\n',
    });
    expect(await remedies.run({ kind: 'command', name: 'bad' }, request)).toMatchObject({
      ok: false,
      detail: 'exit code 3',
    });
    expect(await remedies.run({ kind: 'command', name: 'missing' }, request)).toMatchObject({
      ok: false,
      detail: expect.stringContaining('cannot be started'),
    });
    expect((await remedies.run({ kind: 'command', name: 'loud' }, request)).output?.length).toBe(
      16 * 1024,
    );
    expect(remedies.fault({ kind: 'command', name: 'toString' })).toContain(
      'There is no command toString',
    );
  });
  test('a command that hangs is ended with all that it started', async () => {
    const began = performance.now();
    expect(await remedies.run({ kind: 'command', name: 'hangs' }, request)).toMatchObject({
      ok: false,
      detail: 'did not end within 1 s',
    });
    expect(performance.now() - began).toBeLessThan(5_000);
  });
  test('a webhook: signed, with the id of the run; refused, hanging, aborted', async () => {
    const hookPort = await listen(docker);
    const url = `http://127.0.0.1:${hookPort}/restart`;
    answer = { status: 200, body: 'restarted' };
    expect(await remedies.run({ kind: 'webhook', url, signed: true }, request)).toEqual({
      ok: true,
      detail: 'the webhook answered 200',
      output: 'restarted',
    });
    const [call] = calls;
    expect(call?.headers).toMatchObject({ 'webhook-id': 'run-1', 'idempotency-key': 'run-1' });
    expect(call?.headers['webhook-signature']).toBe(
      signWebhook(
        'a shared secret',
        'run-1',
        Number(call?.headers['webhook-timestamp']),
        call?.body ?? '',
      ),
    );
    answer = { status: 500, body: 'no' };
    expect(await remedies.run({ kind: 'webhook', url, signed: true }, request)).toMatchObject({
      ok: false,
      detail: 'the webhook answered 500',
    });
    answer = { status: 0, body: '' };
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 100);
    expect(
      await remedies.run(
        { kind: 'webhook', url, signed: false },
        { ...request, signal: abort.signal },
      ),
    ).toMatchObject({ ok: false, detail: 'stopped' });
  });
  test('a webhook at a metadata address, also in another form, is not called', async () => {
    for (const url of [
      'http://169.254.169.254/latest/',
      'http://[64:ff9b::a9fe:a9fe]/',
      'http://0xa9fea9fe/',
      'gopher://127.0.0.1/x',
    ]) {
      const { ok, detail } = await remedies.run({ kind: 'webhook', url, signed: false }, request);
      expect([url, ok, detail]).toEqual([
        url,
        false,
        expect.stringContaining('could not be called'),
      ]);
      if (url.startsWith('http')) expect(detail).toContain('metadata');
    }
  });
  test('the signature is the one of the Standard Webhooks specification', () => {
    // Example of github.com/standard-webhooks/standard-webhooks, libraries/javascript tests.
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    expect(
      signWebhook(secret, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}'),
    ).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });
  test('Docker: the call of the Engine API over its socket, its answers, and no socket', async () => {
    calls.length = 0;
    const engine = createServer((req, res) => {
      calls.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers, body: '' });
      res.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
    });
    expect(await remedies.run({ kind: 'docker', container: 'api' }, request)).toMatchObject({
      ok: false,
      detail: expect.stringContaining('ENOENT'),
    });
    engine.listen(socketPath);
    await once(engine, 'listening');
    closables.push(() => engine.close());
    answer = { status: 204, body: '' };
    expect(await remedies.run({ kind: 'docker', container: 'api' }, request)).toMatchObject({
      ok: true,
    });
    expect(calls[0]).toMatchObject({ method: 'POST', url: '/v1.41/containers/api/restart?t=10' });
    answer = { status: 404, body: '{"message":"No such container: api"}' };
    expect(await remedies.run({ kind: 'docker', container: 'api' }, request)).toMatchObject({
      ok: false,
      detail: 'Docker answered 404: No such container: api',
    });
  });
});

test('Kubernetes: the patch of a rollout restart, with the service account of the config; a refusal', async () => {
  const asked: { method: string; url: string; type: string; auth: string; body: string }[] = [];
  let status = 200;
  const api = await listen(
    createTls(
      await selfSigned('kubernetes', [-1, 9], { type: 7, ip: '127.0.0.1' }),
      (request, response) => {
        let body = '';
        request.on('data', (chunk) => {
          body += chunk;
        });
        request.on('end', () => {
          asked.push({
            method: request.method ?? '',
            url: request.url ?? '',
            type: String(request.headers['content-type']),
            auth: String(request.headers.authorization),
            body,
          });
          response
            .writeHead(status, { 'content-type': 'application/json' })
            .end(
              status === 200
                ? '{"kind":"Deployment","metadata":{"name":"api"}}'
                : '{"kind":"Status","reason":"Forbidden"}',
            );
        });
      },
    ),
  );
  const file = path.join(folder, 'kubeconfig');
  writeFileSync(
    file,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      clusters: [
        {
          name: 'k',
          cluster: { server: `https://127.0.0.1:${api}`, 'insecure-skip-tls-verify': true },
        },
      ],
      users: [{ name: 'u', user: { token: 'sesame' } }],
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    }),
  );
  vi.stubEnv('KUBECONFIG', file);
  const remedies = createRemedies({
    http,
    clock: systemClock,
    commands: {},
    dockerSocket: '/nowhere',
  });
  const run = () =>
    remedies.run(
      { kind: 'kubernetes', namespace: 'shop', deployment: 'api' },
      {
        runId: 'r',
        attempt: 1,
        target: { id: 'id', name: 'api' },
        symptom: null,
        incidentId: null,
        secret: null,
        signal: new AbortController().signal,
      },
    );
  expect(await run()).toEqual({ ok: true, detail: 'rollout of shop/api restarted', output: null });
  expect(asked[0]).toMatchObject({
    method: 'PATCH',
    type: 'application/strategic-merge-patch+json',
    auth: 'Bearer sesame',
  });
  expect(asked[0]?.url).toMatch(/^\/apis\/apps\/v1\/namespaces\/shop\/deployments\/api\?/);
  const patch = JSON.parse(asked[0]?.body ?? '{}');
  expect(
    Date.parse(patch.spec.template.metadata.annotations['kubectl.kubernetes.io/restartedAt']),
  ).toBeGreaterThan(0);
  status = 403;
  expect(await run()).toMatchObject({ ok: false, detail: 'Kubernetes answered 403' });
  vi.unstubAllEnvs();
});

test('bad input is refused with the name of the field', () => {
  const good = { name: 'a', kind: 'http', url: 'https://example.com' };
  const fault = (change: object) => {
    const parsed = targetCreateSchema.safeParse({ ...good, ...change });
    return (
      parsed.error?.issues.map(({ path: where, message }) => `${where.join('.')}: ${message}`) ?? []
    );
  };
  expect(fault({})).toEqual([]);
  expect(fault({ name: "Robert'); DROP TABLE targets;-- <b>" })).toEqual([]);
  expect(fault({ intervalSeconds: 0 })).toEqual(['intervalSeconds: At least 1 s']);
  expect(fault({ intervalSeconds: 1.5 })[0]).toContain('whole number');
  expect(fault({ url: 'javascript:alert(1)' })[0]).toMatch(/^url: javascript:.* not accepted/);
  expect(fault({ url: 'http://' })[0]).toMatch(/^url: Not a URL/);
  expect(fault({ kind: 'tcp', url: 'db' })[0]).toMatch(/^url: The port is missing/);
  expect(fault({ name: '' })).toEqual(['name: Must not be empty']);
  expect(fault({ name: 'a\u0000b' })[0]).toMatch(/^name: Control/);
  expect(fault({ dependsOn: ['x'] })).toEqual(['dependsOn.0: A target id']);
  expect(fault({ remedy: { kind: 'shell', run: 'rm' } })[0]).toMatch(
    /^remedy.*webhook, command, docker/,
  );
  expect(fault({ remedy: { kind: 'systemd', unit: '--force.service; reboot' } })[0]).toMatch(
    /^remedy.unit/,
  );
  expect(fault({ remedy: { kind: 'docker', container: '../../x' } })[0]).toMatch(
    /^remedy.container/,
  );
  expect(fault({ nonsense: 1 })[0]).toMatch(/nonsense/);
  expect(fault({ headers: { 'x\r\ny': 'z' } })[0]).toMatch(/^headers/);
});
