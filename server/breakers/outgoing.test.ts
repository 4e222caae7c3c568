/** The console's own calls against a real server that fails on demand. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeEach, expect, test } from 'vitest';
import {
  BreakerOpenError,
  createBreakerGroup,
  createGuard,
  defaultPolicy,
  type GuardOptions,
} from '../client/index.ts';
import { createHttpClient } from '../platform/http-client.ts';
import { guardedHttp } from './outgoing.ts';

let statuses: number[] = [];
let asked = 0;
const server = createServer((_request, response) => {
  asked += 1;
  const status = statuses.shift() ?? 200;
  if (status === 0) response.destroy();
  else response.writeHead(status).end('answer');
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
const http = createHttpClient();
const now = () => performance.now();
const group = createBreakerGroup({ replica: 'test', store: null, now });
const names: string[] = [];
const breakers = {
  guard(name: string, options: GuardOptions) {
    names.push(name);
    return createGuard(group, group.get(name, defaultPolicy), now, options);
  },
};
let purpose = 0;
const client = (retry = false) =>
  guardedHttp(http, breakers, {
    purpose: `p${++purpose}`,
    description: '',
    retry,
    random: () => 0,
    now: () => new Date(),
  });
const get = { url, timeoutMs: 2_000 };
beforeEach(() => {
  statuses = [];
  asked = 0;
});
afterAll(async () => {
  await group.close();
  await http.close();
  server.close();
});

test('after ten failures of a server nobody asks it any more', async () => {
  const own = client();
  statuses = Array(5).fill(500).concat(Array(5).fill(0));
  for (let n = 0; n < 5; n++) expect((await own.send(get)).status).toBe(500);
  for (let n = 0; n < 5; n++) await expect(own.send(get)).rejects.toThrow();
  await expect(own.send(get)).rejects.toBeInstanceOf(BreakerOpenError);
  expect(asked).toBe(10);
  expect(names.at(-1)).toBe(`p${purpose} ${url}`);
});

test('what the caller did wrong, or broke off, does not count', async () => {
  const own = client();
  statuses = Array(20).fill(404);
  for (let n = 0; n < 20; n++) await own.send(get);
  for (let n = 0; n < 20; n++) {
    await own.send({ ...get, signal: AbortSignal.abort() }).catch(() => undefined);
    await own.send({ ...get, url: 'http://169.254.169.254/' }).catch(() => undefined);
  }
  expect((await own.send(get)).status).toBe(200);
});

test('what may be repeated is, and nothing else', async () => {
  const own = client(true);
  statuses = [0, 503, 200];
  expect((await own.send(get)).status).toBe(200);
  expect(asked).toBe(3);
  asked = 0;
  statuses = [503, 503];
  expect((await own.send({ ...get, method: 'POST', body: '{}' })).status).toBe(503);
  expect(asked).toBe(1);
  asked = 0;
  statuses = [404];
  expect((await own.send(get)).status).toBe(404);
  expect(asked).toBe(1);
});

test('nothing is repeated while the breaker is open', async () => {
  const own = client(true);
  statuses = Array(40).fill(500);
  for (let n = 0; n < 10; n++) await own.send(get);
  asked = 0;
  await expect(own.send(get)).rejects.toBeInstanceOf(BreakerOpenError);
  expect(asked).toBe(0);
});
