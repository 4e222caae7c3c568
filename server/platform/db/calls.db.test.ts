import { expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { testDatabase } from '../testing/index.ts';
import { type Call, createDb } from './index.ts';

const url = await testDatabase();
const opened = () => createDb({ url, clock: systemClock, log: silentLog(), max: 2 });
const caller = (name: string) => ({
  kind: 'request' as const,
  name,
  requestId: name,
  traceId: null,
});

test('every way of asking is told, with its caller, also when it waited for a connection', async () => {
  const db = opened();
  const told: Call[] = [];
  db.calls.listen((call) => told.push(call));
  await Promise.all(
    Array.from({ length: 12 }, (_, n) =>
      db.calls.within(caller(`c${n}`), async () => {
        await db.pool.query('SELECT $1::int AS n', [n]);
        await db.prisma.$queryRaw`SELECT ${n}::int AS prisma`;
        await db.tx((tx) => tx.$queryRaw`SELECT ${n}::int AS within`);
        const client = await db.pool.connect();
        await client.query({ text: 'SELECT $1::int AS config', values: [n] });
        client.release();
      }),
    ),
  );
  for (const text of ['AS n', 'AS prisma', 'AS within', 'AS config']) {
    const calls = told.filter((call) => call.text.includes(text));
    expect([text, calls.length]).toEqual([text, 12]);
    for (const call of calls) {
      expect(call.caller?.name).toBe(`c${call.values[0]}`);
      expect(call.durationMs).toBeGreaterThan(0);
    }
  }
  await db.close();
});

test('what fails is told too; who stopped listening hears nothing', async () => {
  const db = opened();
  const told: Call[] = [];
  const stop = db.calls.listen((call) => told.push(call));
  await expect(db.pool.query('SELECT 1/0')).rejects.toThrow('division by zero');
  expect(told).toMatchObject([{ text: 'SELECT 1/0', failed: true, caller: null }]);
  stop();
  await db.pool.query('SELECT 1');
  expect(told).toHaveLength(1);
  await db.close();
});
