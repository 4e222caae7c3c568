/** The fleet as real processes: what a fault does is seen over HTTP, what a restart does in the process list. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createFleetClient } from '../../server/gamedays/fleet.ts';
import { createHttpClient } from '../../server/platform/http-client.ts';
import type { ServiceView } from './catalog.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { createClient, register } from './register.ts';
import { signature } from './webhook.ts';

let fleet: Fleet;
const lines: string[] = [];
beforeAll(async () => {
  fleet = await startFleet({
    log: (line) => lines.push(line),
    ports: 'free',
    brokenRestart: ['search'],
    leakEveryMs: 10,
  });
});
afterAll(() => fleet?.close());

const view = (name: string): ServiceView => {
  const found = fleet.services().find((service) => service.name === name);
  if (!found) throw new Error(`no ${name}`);
  return found;
};
const bearer = () => ({ authorization: `Bearer ${fleet.token}` });
const post = (route: string, body: unknown, headers: Record<string, string> = bearer()) =>
  fetch(fleet.url + route, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const setFault = async (service: string, fault: string, latencyMs?: number) => {
  const answer = await post('/faults', { service, fault, latencyMs });
  expect([answer.status, await answer.json()]).toMatchObject([200, { name: service, fault }]);
};
const get = async (url: string, timeoutMs = 2_000) => {
  const started = performance.now();
  const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  return { status: answer.status, text: await answer.text(), ms: performance.now() - started };
};
const health = (name: string, timeoutMs?: number) => get(view(name).healthUrl, timeoutMs);
type Signed = { id?: string; at?: number; secret?: string; body?: string; signature?: string };
const restart = (name: string, signed: Signed = {}) => {
  const {
    id = randomUUID(),
    at = Math.floor(Date.now() / 1000),
    body = '{"type":"test"}',
  } = signed;
  return post(`/restart/${name}`, body, {
    'webhook-id': id,
    'webhook-timestamp': String(at),
    'webhook-signature': signed.signature ?? signature(signed.secret ?? fleet.secret, id, at, body),
  });
};
const isRunning = (pid: number | null) => {
  try {
    process.kill(pid ?? 0, 0);
    return pid !== null;
  } catch {
    return false;
  }
};

describe('a whole fleet', () => {
  test('answers, and its services do their work on each other', async () => {
    const names = ['cache', 'payments', 'search', 'flaky', 'api', 'worker'];
    expect(fleet.services().map(({ name }) => name)).toEqual(expect.arrayContaining(names));
    for (const name of names.filter((each) => each !== 'flaky')) {
      const { status, text } = await health(name);
      expect([name, status, JSON.parse(text)]).toMatchObject([
        name,
        200,
        { status: 'ok', service: name, rssBytes: expect.any(Number) },
      ]);
      expect(text).toContain('"status":"ok"');
    }
    const checkout = () => get(`${view('api').url}/checkout?order=first&q=oak%20shelf`);
    await checkout();
    expect(JSON.parse((await checkout()).text)).toMatchObject({
      orderId: 'first',
      cached: true,
      payment: { paymentId: expect.stringMatching(/^pay-/), amountCents: 1999 },
    });
    await vi.waitFor(
      async () => {
        const jobs = JSON.parse((await get(`${view('worker').url}/jobs`)).text);
        expect(jobs.done).toBeGreaterThan(1);
      },
      { timeout: 5_000, interval: 50 },
    );
  });

  test('flaky fails about 2 of 100 requests, the same ones each time', async () => {
    const failures = async () => {
      await restart('flaky');
      const statuses: number[] = [];
      for (let i = 0; i < 500; i++) statuses.push((await health('flaky')).status);
      return statuses.flatMap((status, i) => (status === 200 ? [] : [i]));
    };
    const first = await failures();
    expect(first.length).toBeGreaterThan(2);
    expect(first.length).toBeLessThan(25);
    expect(await failures()).toEqual(first);
  });

  test('listens on loopback and tells nobody without the token', async () => {
    for (const route of ['/services', '/receiver', '/nowhere']) {
      expect((await fetch(fleet.url + route)).status).toBe(401);
    }
    expect((await post('/faults', { service: 'api', fault: 'kill' }, {})).status).toBe(401);
    const own = await fetch(`${view('api').url}/control/fault`, {
      method: 'POST',
      headers: { authorization: `Bearer ${fleet.token}` },
      body: '{"fault":"errors"}',
    });
    expect(own.status).toBe(401);
    const { services } = await (await fetch(`${fleet.url}/services`, { headers: bearer() })).json();
    expect(services).toEqual(fleet.services());
    expect(services.every(({ url }: ServiceView) => new URL(url).hostname === '127.0.0.1')).toBe(
      true,
    );
  });

  test.each([
    [{ service: 'nobody', fault: 'kill' }, /service: accepted are .*cache.*payments/],
    [{ service: 'api', fault: 'fire' }, /fault: accepted for api are kill, hang, latency/],
    [{ service: 'api' }, /fault: accepted/],
    [{ service: 'api', fault: 'latency', latencyMs: 0 }, /latencyMs: accepted are .* to 60000/],
    ['not json', /service: accepted/],
  ])('refuses %j and names what is accepted', async (input, message) => {
    const answer = await post('/faults', input);
    expect(answer.status).toBe(400);
    expect((await answer.json()).error).toMatch(message);
  });
});

test('the worker can be given other orders; its health knows nothing of it', async () => {
  const shift = (service: string, fault: string) => post('/faults', { service, fault });
  expect(view('worker')).toMatchObject({ inputsShifted: false });
  expect(await (await shift('worker', 'shift')).json()).toMatchObject({
    fault: 'none',
    inputsShifted: true,
  });
  expect((await health('worker')).status).toBe(200);
  const refused = await shift('api', 'shift');
  expect([refused.status, (await refused.json()).error]).toEqual([
    400,
    expect.not.stringContaining('shift'),
  ]);
  expect(await (await shift('worker', 'none')).json()).toMatchObject({ inputsShifted: false });
});

test('the console understands it: services, faults, refusals', async () => {
  const http = createHttpClient();
  try {
    const client = createFleetClient(http, fleet);
    const { pid: _, healthUrl: __, ...shown } = view('payments');
    expect((await client.services()).find(({ name }) => name === 'payments')).toEqual(shown);
    await client.setFault('payments', 'latency', 5);
    expect(view('payments').fault).toBe('latency');
    await client.setFault('payments', 'none');
    expect(view('payments').fault).toBe('none');
    await expect(client.setFault('nobody', 'kill')).rejects.toThrow(/refused: service: accepted/);
    const other = createFleetClient(http, { url: fleet.url, token: 'another token' });
    await expect(other.services()).rejects.toThrow(/bearer token/);
  } finally {
    await http.close();
  }
});

describe('every fault is real', () => {
  afterEach(() => setFault('payments', 'none'));
  const whole = async () => {
    await setFault('payments', 'none');
    expect((await health('payments')).status).toBe(200);
  };

  test('errors: 500, also for those who call it', async () => {
    await setFault('payments', 'errors');
    expect((await health('payments')).status).toBe(500);
    const checkout = await get(`${view('api').url}/checkout?order=2`);
    expect([checkout.status, JSON.parse(checkout.text).service]).toEqual([502, 'payments']);
    await whole();
  });

  test('body: 200 with another body', async () => {
    await setFault('payments', 'body');
    const { status, text } = await health('payments');
    expect(status).toBe(200);
    expect(text).not.toContain('"status":"ok"');
    await whole();
  });

  test('latency: the answer is right and late', async () => {
    await setFault('payments', 'latency', 400);
    const { status, ms } = await health('payments');
    expect(status).toBe(200);
    expect(ms).toBeGreaterThanOrEqual(395);
    await whole();
  });

  test('hang: the connection is taken and no answer comes', async () => {
    await setFault('payments', 'hang');
    await expect(health('payments', 500)).rejects.toMatchObject({ name: 'TimeoutError' });
    const waiting = expect(health('payments', 10_000)).rejects.toThrow();
    await whole();
    await waiting;
  });

  test('leak: memory grows, the service becomes unwell, and the growth has an end', async () => {
    const before = JSON.parse((await health('payments')).text).rssBytes;
    await setFault('payments', 'leak');
    const grown = async () =>
      (JSON.parse((await health('payments')).text).rssBytes - before) / 2 ** 20;
    await vi.waitFor(
      async () => {
        const { status, text } = await health('payments');
        expect([status, JSON.parse(text).status]).toEqual([503, 'unwell']);
        expect(await grown()).toBeGreaterThan(140);
      },
      { timeout: 120_000, interval: 100 },
    );
    const most = await grown();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(await grown()).toBeLessThan(most + 30);
    expect(await grown()).toBeLessThan(260);
  });

  test('kill: the process is gone and stays gone', async () => {
    const { pid, url } = view('payments');
    expect(isRunning(pid)).toBe(true);
    await setFault('payments', 'kill');
    expect(isRunning(pid)).toBe(false);
    expect(view('payments')).toMatchObject({ alive: false, pid: null, fault: 'kill' });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await expect(health('payments')).rejects.toThrow();
    expect((await post('/faults', { service: 'payments', fault: 'errors' })).status).toBe(409);
    const answer = await restart('payments');
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { restarted: true, pid: view('payments').pid },
    ]);
    expect((await health('payments')).status).toBe(200);
    expect(view('payments').url).toBe(url);
  });

  test('none brings back what was killed', async () => {
    const { url, pid } = view('payments');
    await setFault('payments', 'kill');
    await setFault('payments', 'none');
    expect(view('payments')).toMatchObject({ url, alive: true });
    expect(view('payments').pid).not.toBe(pid);
  });

  test('a process that is killed by somebody else is not said to live', async () => {
    process.kill(view('payments').pid ?? 0, 'SIGKILL');
    await vi.waitFor(() => expect(view('payments').alive).toBe(false), { timeout: 5_000 });
    expect((await restart('payments')).status).toBe(200);
    expect(lines).toContain('payments ended (SIGKILL)');
  });
});

describe('the restart webhook', () => {
  test('ends the process and starts another one on the same port', async () => {
    const before = view('cache');
    expect((await restart('cache')).status).toBe(200);
    expect(isRunning(before.pid)).toBe(false);
    expect(view('cache')).toMatchObject({ url: before.url, restarts: before.restarts + 1 });
    expect((await health('cache')).status).toBe(200);
  });

  test('takes a fault away', async () => {
    await setFault('cache', 'hang');
    expect((await restart('cache')).status).toBe(200);
    expect((await health('cache')).status).toBe(200);
    expect(view('cache').fault).toBe('none');
  });

  const seconds = (minutes = 0) => Math.floor(Date.now() / 1000) + minutes * 60;
  test.each<[string, Signed & { minutes?: number }]>([
    ['another secret', { secret: 'another secret' }],
    ['no signature', { signature: '' }],
    ['a signature of another version', { signature: 'v2,abc' }],
    ['an old time', { minutes: -6 }],
    ['a time to come', { minutes: 6 }],
  ])('is refused with %s', async (_, { minutes, ...signed }) => {
    const { pid } = view('cache');
    // Counted from now: the tests before this one last minutes themselves.
    const answer = await restart('cache', { at: seconds(minutes), ...signed });
    expect(answer.status).toBe(401);
    expect(view('cache').pid).toBe(pid);
  });

  test('is refused when the body is not the one that was signed', async () => {
    const { pid } = view('cache');
    const at = seconds();
    const given = signature(fleet.secret, 'x', at, '{"a":1}');
    const answer = await restart('cache', { id: 'x', at, signature: given, body: '{"a":2}' });
    expect([answer.status, view('cache').pid]).toEqual([401, pid]);
  });

  test('accepts one right signature among several', async () => {
    const at = seconds();
    const right = signature(fleet.secret, 'several', at, 'b');
    const answer = await restart('cache', {
      id: 'several',
      at,
      body: 'b',
      signature: `v1,abc ${right}`,
    });
    expect(answer.status).toBe(200);
  });

  test('does nothing twice: the same id gets the first answer, also while that is under way', async () => {
    const id = randomUUID();
    const before = view('cache').restarts;
    const answers = await Promise.all([restart('cache', { id }), restart('cache', { id })]);
    answers.push(await restart('cache', { id }));
    const bodies = await Promise.all(answers.map((answer) => answer.json()));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(bodies.map(({ pid }) => pid)).size).toBe(1);
    expect(view('cache').restarts).toBe(before + 1);
  });

  test('knows no other services', async () => {
    expect((await restart('nobody')).status).toBe(404);
  });

  test('of a service that is broken for good answers 200, and the service stays broken', async () => {
    await setFault('search', 'kill');
    expect((await restart('search')).status).toBe(200);
    expect((await health('search')).status).toBe(500);
    await setFault('search', 'none');
    expect((await health('search')).status).toBe(200);
  });
});

test('the receiver keeps what it is sent, the newest 500, and knows a signature', async () => {
  const at = Math.floor(Date.now() / 1000);
  const body = '{"specversion":"1.0","id":"signed"}';
  await post('/receiver', body, {
    'webhook-id': 'signed',
    'webhook-timestamp': String(at),
    'webhook-signature': signature(fleet.secret, 'signed', at, body),
  });
  expect((await post('/receiver', 'no json', {})).status).toBe(400);
  const items = async () =>
    (await (await fetch(`${fleet.url}/receiver`, { headers: bearer() })).json()).items;
  expect(await items()).toMatchObject([{ signed: true, event: { id: 'signed' } }]);
  for (let i = 0; i < 500; i++) await post('/receiver', { i }, {});
  const kept = await items();
  expect(kept).toHaveLength(500);
  expect(kept[0]).toMatchObject({ signed: false, event: { i: 0 } });
});

test('a Redis server can be killed, stopped in its tracks, and restarted', async () => {
  const redis = fleet.services().find(({ kind }) => kind === 'redis');
  // Only where there is one on the PATH; the tests of the console bring theirs along.
  expect(redis, 'redis-server on the PATH').toBeDefined();
  const answers = () => pings(Number(new URL(redis?.url ?? '').port));
  expect(await answers()).toBe(true);
  await setFault('redis', 'kill');
  expect(await answers()).toBe(false);
  expect((await restart('redis')).status).toBe(200);
  expect(await answers()).toBe(true);
  await setFault('redis', 'hang');
  expect(await answers()).toBe(false);
  expect((await restart('redis')).status).toBe(200);
  expect(await answers()).toBe(true);
  const refused = await post('/faults', { service: 'redis', fault: 'leak' });
  expect([refused.status, (await refused.json()).error]).toEqual([
    400,
    'fault: accepted for redis are kill, hang, none',
  ]);
});

async function pings(port: number): Promise<boolean> {
  const { createConnection } = await import('node:net');
  const socket = createConnection({ port, host: '127.0.0.1' });
  try {
    socket.write('PING\r\n');
    const [data] = await once(socket, 'data', { signal: AbortSignal.timeout(500) });
    return String(data).startsWith('+PONG');
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe('the end', () => {
  /** A supervisor in a process of its own. */
  async function apart(): Promise<{ supervisor: ChildProcess; services: ServiceView[] }> {
    const url = pathToFileURL(path.join(import.meta.dirname, 'fleet.ts')).href;
    const program = `import { startFleet } from ${JSON.stringify(url)};
      const fleet = await startFleet({ log() {}, ports: 'free' });
      process.on('SIGTERM', () => fleet.close().then(() => process.exit(0)));
      console.log(JSON.stringify(fleet.services()));`;
    const supervisor = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface(supervisor.stdout), 'line');
    return { supervisor, services: JSON.parse(line) };
  }

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'of the supervisor by %s is the end of every process, also of those that hang',
    async (signal) => {
      const { supervisor, services } = await apart();
      expect(services.length).toBeGreaterThanOrEqual(6);
      expect(services.filter(({ pid }) => !isRunning(pid))).toEqual([]);
      const redis = services.find(({ kind }) => kind === 'redis');
      if (redis?.pid) process.kill(redis.pid, 'SIGSTOP');
      const ended = once(supervisor, 'exit');
      supervisor.kill(signal);
      await ended;
      await vi.waitFor(() => expect(services.filter(({ pid }) => isRunning(pid))).toEqual([]), {
        timeout: 5_000,
        interval: 50,
      });
    },
  );

  test('a second fleet finds ports beside the first', async () => {
    const first = await startFleet({ log: () => undefined, redis: false });
    try {
      const second = await startFleet({ log: () => undefined, redis: false });
      const ports = [...first.services(), ...second.services()].map(({ url }) => url);
      expect(new Set(ports).size).toBe(12);
      const pids = second.services().map(({ pid }) => pid);
      await second.close();
      expect(pids.filter(isRunning)).toEqual([]);
      await expect(fetch(second.url)).rejects.toThrow();
    } finally {
      await first.close();
    }
  });
});

describe('registration', () => {
  type Call = { procedure: string; input: Record<string, unknown> };
  const calls: Call[] = [];
  const targets = new Map<string, Record<string, unknown>>();
  const channels = new Map<string, Record<string, unknown>>();
  const store = (map: typeof targets, input: Record<string, unknown>) => {
    const id = randomUUID();
    map.set(id, input);
    return { id };
  };
  const change = (map: typeof targets, { id, ...input }: Record<string, unknown>) => {
    map.set(String(id), { ...map.get(String(id)), ...input });
    return null;
  };
  /** Pages of three, so that every page has to be read. */
  const list = (map: typeof targets, { cursor }: Record<string, unknown>) => {
    const from = Number(cursor ?? 0);
    const all = [...map].map(([id, item]) => ({ ...item, id }));
    return {
      items: all.slice(from, from + 3),
      nextCursor: all.length > from + 3 ? String(from + 3) : null,
    };
  };
  const procedures: Record<string, (input: Record<string, unknown>) => unknown> = {
    'health.targets.create': (input) => ({
      ...store(targets, input),
      ...(input.kind === 'heartbeat' ? { heartbeatUrl: '/api/heartbeat/first' } : {}),
    }),
    'health.targets.update': (input) => change(targets, input),
    'health.targets.list': (input) => list(targets, input),
    'health.targets.renewHeartbeat': () => ({ heartbeatUrl: '/api/heartbeat/second' }),
    'notify.channels.create': (input) => store(channels, input),
    'notify.channels.update': (input) => change(channels, input),
    'notify.channels.list': (input) => list(channels, input),
  };
  const beats: string[] = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    let text = '';
    for await (const chunk of request) text += chunk;
    if (url.pathname.startsWith('/api/heartbeat/')) {
      beats.push(url.pathname);
      return response.end('{}');
    }
    const procedure = url.pathname.replace('/api/trpc/', '');
    const input = JSON.parse(text || url.searchParams.get('input') || '{}');
    const known = procedures[procedure];
    const allowed = request.headers.authorization === 'Bearer wh_test';
    if (!known || !allowed) {
      response.writeHead(allowed ? 404 : 401);
      return response.end('{"error":{"message":"not here"}}');
    }
    calls.push({ procedure, input });
    response.end(JSON.stringify({ result: { data: known(input) } }));
  });
  let consoleUrl: string;
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    consoleUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const options = () => ({ consoleUrl, key: 'wh_test', fleet, databaseUrl: 'postgresql://db/x' });
  const byName = (name: string) => [...targets.values()].find((each) => each.name === name);

  test('makes a target for each service, parents first, with a signed remedy', async () => {
    const ids = await register(options());
    expect([...targets.values()].map(({ name }) => name)).toEqual([
      'cache',
      'payments',
      'search',
      'flaky',
      'api',
      'worker',
      'redis',
      'cache port',
      'worker heartbeat',
      'console database',
    ]);
    expect(byName('api')).toMatchObject({
      kind: 'http',
      url: view('api').healthUrl,
      intervalSeconds: 5,
      timeoutMs: 2000,
      expect: { status: 200, bodyIncludes: '"status":"ok"' },
      dependsOn: [ids.cache, ids.payments, ids.search],
      remedy: { kind: 'webhook', url: `${fleet.url}/restart/api`, secret: fleet.secret },
      remedyMode: 'automatic',
    });
    expect(byName('worker')?.dependsOn).toEqual([ids.api]);
    expect(byName('redis')).toMatchObject({ kind: 'redis', url: view('redis').url });
    expect(byName('cache port')).toMatchObject({
      kind: 'tcp',
      url: `tcp://${new URL(view('cache').url).host}`,
    });
    expect([...channels.values()]).toMatchObject([
      { kind: 'webhook', url: `${fleet.url}/receiver` },
    ]);
    await vi.waitFor(() => expect(beats).toContain('/api/heartbeat/first'), { timeout: 5_000 });
  });

  test('done again it changes what is there and adds nothing', async () => {
    const before = [targets.size, channels.size];
    calls.length = 0;
    await register(options());
    expect([targets.size, channels.size]).toEqual(before);
    expect(calls.map(({ procedure }) => procedure)).not.toContain('health.targets.create');
    await vi.waitFor(() => expect(beats).toContain('/api/heartbeat/second'), { timeout: 5_000 });
    const updates = calls.filter(({ procedure }) => procedure === 'health.targets.update');
    expect(updates.every(({ input }) => !('kind' in input) && 'id' in input)).toBe(true);
  });

  test('the heartbeat goes on after the worker was restarted', async () => {
    await restart('worker');
    beats.length = 0;
    await vi.waitFor(() => expect(beats).toContain('/api/heartbeat/second'), { timeout: 8_000 });
  });

  test('says which procedure refused', async () => {
    await expect(createClient(consoleUrl, 'wrong').query('health.targets.list')).rejects.toThrow(
      'health.targets.list: not here',
    );
  });
});
