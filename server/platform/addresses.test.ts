import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { createAddressGuard } from './addresses.ts';

const guard = createAddressGuard();

test.each([
  '169.254.169.254',
  '169.254.0.1',
  '100.100.100.200',
  '192.0.0.192',
  '0.0.0.0',
  '255.255.255.255',
  '224.0.0.1',
  'fe80::1',
  'fe80::1%eth0',
  'fd00:ec2::254',
  '::',
  'ff02::1',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:a9fe',
  '::169.254.169.254',
  '64:ff9b::a9fe:a9fe',
  '2002:a9fe:a9fe::1',
  '2001:0:a9fe:a9fe::1',
  'fe80::5efe:a9fe:a9fe',
  '2001:db8::5efe:a9fe:a9fe',
  'no address',
  '',
])('%s is refused', (address) => {
  expect(guard.isRefused(address)).toBe(true);
});
test.each([
  '127.0.0.1',
  '10.1.2.3',
  '192.168.0.1',
  '172.16.0.1',
  '::1',
  'fd12::1',
  '203.0.113.9',
  '2001:db8::1',
  '2606:4700::1111',
  '::ffff:10.0.0.1',
  '64:ff9b::808:808',
])('%s is allowed', (address) => {
  expect(guard.isRefused(address)).toBe(false);
});

test('the operator refuses more, and allows what is refused by default', () => {
  const own = createAddressGuard({
    refuse: ['10.0.0.0/8', '169.254.169.254', '127.0.0.1/32'],
    allow: ['169.254.0.0/16', 'fe80::/10', '10.1.0.0/16'],
  });
  for (const address of ['10.1.2.3', '::ffff:10.9.9.9', '169.254.169.254', '127.0.0.1'])
    expect([address, own.isRefused(address)]).toEqual([address, true]);
  for (const address of ['169.254.7.7', 'fe80::1', '127.0.0.2', '192.168.0.1'])
    expect([address, own.isRefused(address)]).toEqual([address, false]);
});

test('a name is refused when any of its addresses is, at the moment of connecting', async () => {
  // `localhost` stands for a name that leads where the operator does not want it.
  const own = createAddressGuard({ refuse: ['127.0.0.0/8', '::1'] });
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const outcome = async (from: typeof guard, host: string | undefined, to: number | string) => {
    const socket = from.socket();
    const ended = new Promise<string>((resolve) => {
      socket.once('connect', () => resolve('connected'));
      socket.once('error', (error) => resolve(error.message));
    });
    if (host === undefined) socket.connect(String(to));
    else socket.connect(Number(to), host);
    return ended.finally(() => socket.on('error', () => undefined).destroy());
  };
  expect(await outcome(guard, '127.0.0.1', port)).toBe('connected');
  expect(await outcome(own, '127.0.0.1', port)).toMatch(/resolves to 127.0.0.1/);
  expect(await outcome(own, 'localhost', port)).toMatch(/localhost resolves to/);
  expect(await outcome(guard, '169.254.169.254', 80)).toMatch(/metadata address/);
  expect(await outcome(guard, undefined, '/var/run/docker.sock')).toMatch(/a path/);
});
