import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterAll, expect, test } from 'vitest';
import { createAddressGuard } from './addresses.ts';
import { createHttpClient } from './http-client.ts';

async function serve(handler: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}
const client = createHttpClient();
afterAll(() => client.close());
const seen: { url: string; method: string; authorization: string | undefined }[] = [];
const other = await serve((request, response) => {
  seen.push({
    url: request.url ?? '',
    method: request.method ?? '',
    authorization: request.headers.authorization,
  });
  response.end('other');
});
const site = await serve((request, response) => {
  const go = (to: string, status = 302) => response.writeHead(status, { location: to }).end();
  if (request.url === '/loop') return go('/loop');
  if (request.url === '/metadata') return go('http://169.254.169.254/latest/meta-data/');
  if (request.url === '/file') return go('file:///etc/passwd');
  if (request.url === '/away') return go(`${other}/landed`, 307);
  if (request.url === '/see-other') return go(`${other}/landed`, 303);
  if (request.url === '/slow') return;
  if (request.url === '/endless') {
    const more = () => response.write('x'.repeat(65_536), () => response.destroyed || more());
    return more();
  }
  response.writeHead(200, { 'x-answer': 'yes' }).end('hello');
});

test('answers what came, and follows redirects only when told to', async () => {
  const answer = await client.send({ url: `${site}/`, timeoutMs: 2_000 });
  expect([
    answer.status,
    answer.body.toString(),
    answer.headers['x-answer'],
    answer.truncated,
  ]).toEqual([200, 'hello', 'yes', false]);
  expect((await client.send({ url: `${site}/away`, timeoutMs: 2_000 })).status).toBe(307);
});
test('cloud metadata and link-local addresses are refused, also after a redirect and in disguise', async () => {
  for (const address of [
    '169.254.169.254',
    '169.254.0.1',
    'fe80::1',
    '::ffff:169.254.169.254',
    'fd00:ec2::254',
    '100.100.100.200',
    '0.0.0.0',
    '::',
  ]) {
    expect([address, createAddressGuard().isRefused(address)]).toEqual([address, true]);
  }
  for (const address of ['127.0.0.1', '10.1.2.3', '192.168.0.1', '::1', '203.0.113.9']) {
    expect([address, createAddressGuard().isRefused(address)]).toEqual([address, false]);
  }
  const direct = [
    'http://169.254.169.254/',
    'http://[fe80::1]/',
    'http://2852039166/',
    'http://[::ffff:a9fe:a9fe]/',
  ];
  for (const url of direct) {
    await expect(client.send({ url, timeoutMs: 2_000 })).rejects.toThrow('metadata address');
  }
  await expect(
    client.send({ url: `${site}/metadata`, timeoutMs: 2_000, maxRedirects: 5 }),
  ).rejects.toThrow('metadata address');
  await expect(
    client.send({ url: `${site}/file`, timeoutMs: 2_000, maxRedirects: 5 }),
  ).rejects.toThrow('use http or https');
});
test('an endless redirect, an endless body and no answer all end', async () => {
  await expect(
    client.send({ url: `${site}/loop`, timeoutMs: 2_000, maxRedirects: 5 }),
  ).rejects.toThrow('More than 5 redirects');
  const endless = await client.send({
    url: `${site}/endless`,
    timeoutMs: 5_000,
    maxBodyBytes: 100_000,
  });
  expect([endless.body.length, endless.truncated]).toEqual([100_000, true]);
  await expect(client.send({ url: `${site}/slow`, timeoutMs: 150 })).rejects.toThrow();
});
test('credentials do not follow to another origin', async () => {
  const post = (path: string) =>
    client.send({
      url: site + path,
      method: 'POST',
      body: 'x',
      headers: { authorization: 'Bearer secret' },
      timeoutMs: 2_000,
      maxRedirects: 2,
    });
  await post('/away');
  await post('/see-other');
  expect(seen).toEqual([
    { url: '/landed', method: 'POST', authorization: undefined },
    { url: '/landed', method: 'GET', authorization: undefined },
  ]);
});
