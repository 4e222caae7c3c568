/** What every adapter of `Store` guarantees. */
import { expect, test, vi } from 'vitest';
import type { Store } from './contract.ts';

export function storeSuite(
  open: () => Promise<{ store: Store; pass(ms: number): Promise<void> }>,
): void {
  test('keeps a value until its time is up', async () => {
    const { store, pass } = await open();
    await store.set('a', '1', { ttlMs: 120 });
    await store.set('b', '2');
    expect([await store.get('a'), await store.get('b'), await store.get('none')]).toEqual([
      '1',
      '2',
      null,
    ]);
    await pass(150);
    expect([await store.get('a'), await store.get('b')]).toEqual([null, '2']);
    await store.delete('b');
    expect(await store.get('b')).toBeNull();
  });
  test('one of many takes a free key, and only the holder gives it back', async () => {
    const { store, pass } = await open();
    const takers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => store.setIfAbsent('lock', String(n), { ttlMs: 120 })),
    );
    expect(takers.filter(Boolean)).toHaveLength(1);
    const holder = String(takers.indexOf(true));
    expect(await store.deleteIf('lock', 'somebody else')).toBe(false);
    expect(await store.deleteIf('lock', holder)).toBe(true);
    expect(await store.setIfAbsent('lock', 'next', { ttlMs: 120 })).toBe(true);
    await pass(150);
    expect(await store.setIfAbsent('lock', 'later', { ttlMs: 120 })).toBe(true);
  });
  test('counts every increment, and forgets the counter a fixed time after it was made', async () => {
    const { store, pass } = await open();
    await Promise.all(Array.from({ length: 50 }, () => store.increment('n', 2, { ttlMs: 200 })));
    expect(await store.get('n')).toBe('100');
    await pass(250);
    expect(await store.increment('n', 1, { ttlMs: 200 })).toBe(1);
  });
  test('delivers a message to every subscriber of the channel, and to none that has left', async () => {
    const { store } = await open();
    const got: string[] = [];
    const leave = store.subscribe('news', (message) => got.push(`a:${message}`));
    store.subscribe('news', (message) => got.push(`b:${message}`));
    store.subscribe('other', (message) => got.push(`c:${message}`));
    // A subscription takes a moment to reach Redis.
    await vi.waitFor(async () => {
      await store.publish('news', 'hello');
      expect(got).toEqual(expect.arrayContaining(['a:hello', 'b:hello']));
    });
    leave();
    got.length = 0;
    await store.publish('news', 'again');
    // Greetings that were sent more than once above may still be on their way.
    await vi.waitFor(() =>
      expect(got.filter((message) => !message.endsWith('hello'))).toEqual(['b:again']),
    );
  });
}
