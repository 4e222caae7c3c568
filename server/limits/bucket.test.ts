import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Bucket, bucketOf, shareOf, takeAll, tokensLeft, waitUs } from './bucket.ts';
import { presets } from './contract.ts';
import { builtInRules, chargesOf, ruleBook } from './rules.ts';
import { createBucketTable } from './table.ts';

const MINUTE_US = 60_000_000;
/** With debts in place of cells: at the time 0 a debt is when the bucket is full. */
function take(charges: readonly { bucket: Bucket; cost: number }[], debts: readonly number[]) {
  const after: number[] = [];
  const cells = debts.map((fullAtUs) => ({ fullAtUs }));
  const allowed = takeAll(charges, cells, 0, after);
  const refused = debts.map((debt, i) => {
    const { burst = 0, intervalUs = 0 } = charges[i]?.bucket ?? {};
    return Math.min(debt, burst * intervalUs);
  });
  expect(cells.map(({ fullAtUs }) => fullAtUs)).toEqual(allowed ? after : refused);
  return { allowed, debtsUs: after };
}

describe('a bucket', () => {
  test.each(Object.entries(presets))('%s: no minute sees more than its calls', (_name, preset) => {
    const bucket = bucketOf(preset.perMinute, preset.burst);
    let debt = 0;
    const passed: number[] = [];
    // Somebody who tries every 10 ms for three minutes, after a long rest.
    for (let now = 0; now < 3 * MINUTE_US; now += 10_000) {
      debt = Math.max(0, debt - 10_000);
      const taken = take([{ bucket, cost: 1 }], [debt]);
      debt = taken.debtsUs[0] ?? 0;
      if (taken.allowed) passed.push(now);
    }
    for (const from of passed) {
      const within = passed.filter((at) => at >= from && at < from + MINUTE_US);
      expect(within.length).toBeLessThanOrEqual(preset.perMinute);
      const instant = passed.filter((at) => at >= from && at < from + 200_000);
      const refilled = Math.ceil(((preset.perMinute - preset.burst) * 0.2) / 60);
      expect(instant.length).toBeLessThanOrEqual(preset.burst + refilled);
    }
    expect(passed.length).toBeGreaterThan(2 * (preset.perMinute - preset.burst));
  });

  test('whoever waits as long as told is let through, and not before', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 10_000 }),
        fc.nat({ max: 60_000_000 }),
        fc.integer({ min: 1, max: 30 }),
        (perMinute, debt, cost) => {
          const bucket = bucketOf(perMinute);
          const wait = waitUs(bucket, debt, cost);
          const clamped = Math.min(debt, bucket.burst * bucket.intervalUs);
          expect(take([{ bucket, cost }], [debt]).allowed).toBe(wait === 0);
          expect(take([{ bucket, cost }], [clamped - wait]).allowed).toBe(true);
          if (wait > 0) {
            expect(take([{ bucket, cost }], [clamped - wait + 1]).allowed).toBe(false);
          }
        },
      ),
    );
  });

  test('a clock that goes back by an hour: what was let through is not paid for twice', () => {
    const bucket = bucketOf(60, 10);
    const cells = [{ fullAtUs: 0 }];
    let now = 60 * MINUTE_US;
    expect(takeAll([{ bucket, cost: 10 }], cells, now, [])).toBe(true);
    now = 0;
    expect(takeAll([{ bucket, cost: 1 }], cells, now, [])).toBe(false);
    now += bucket.intervalUs;
    expect(takeAll([{ bucket, cost: 1 }], cells, now, [])).toBe(true);
  });

  test('a refusal by one of several takes from none', () => {
    const wide = { bucket: bucketOf(1_000), cost: 1 };
    const narrow = { bucket: bucketOf(10, 3), cost: 1 };
    const full = narrow.bucket.burst * narrow.bucket.intervalUs;
    expect(take([wide, narrow], [0, full])).toEqual({ allowed: false, debtsUs: [0, full] });
  });

  test('replicas that count apart let no more through together than one does', () => {
    const whole = bucketOf(100, 20);
    for (const replicas of [1, 2, 3, 7]) {
      const part = shareOf(whole, replicas);
      expect(part.burst * replicas).toBeLessThanOrEqual(Math.max(whole.burst, replicas));
      expect((MINUTE_US / part.intervalUs) * replicas).toBeLessThanOrEqual(80.01);
    }
  });
});

describe('the table of buckets', () => {
  test('10 000 newcomers neither grow it nor wash a refusal away', () => {
    const bucket = bucketOf(100, 20);
    const full = bucket.burst * bucket.intervalUs;
    const table = createBucketTable(4_000);
    table.cell('refused', 0).fullAtUs = full;
    const ask = (key: string, now: number) =>
      takeAll([{ bucket, cost: 1 }], [table.cell(key, now)], now, []);
    for (let i = 0; i < 10_000; i++) ask(`address ${i}`, i);
    expect(table.size()).toBe(4_000);
    expect(tokensLeft(bucket, table.cell('refused', 10_000).fullAtUs - 10_000)).toBe(0);
    // Those without room of their own still count, and one of them cannot start over.
    const passed = Array.from({ length: 50 }, (_, i) => ask('late', 10_000 + i)).filter(Boolean);
    expect(passed.length).toBeLessThanOrEqual(bucket.burst);
    // When the flood is over there is room again.
    const later = 10_000 + 20 * full;
    ask('new', later);
    expect(table.size()).toBe(1);
  });
});

describe('what a request has to pass', () => {
  const perMinute = { address: 100, key: 100, session: 3_000, overall: 1_000, ingest: 60_000 };
  const builtIn = builtInRules({ perMinute, set: new Set(['key']) });
  const book = ruleBook(builtIn, []);
  const brief = (
    wanted: Parameters<typeof chargesOf>[1],
    caller: Partial<Parameters<typeof chargesOf>[2]> & { kind: 'address' | 'key' | 'session' },
    from = book,
  ) =>
    Object.fromEntries(
      // Only what is given differs; the type of a caller follows from its kind.
      chargesOf(from, wanted, { id: 'x', label: 'x', ...caller } as Parameters<
        typeof chargesOf
      >[2]).map(({ limit, cost }) => [limit, cost]),
    );
  const calls = (...names: string[]) => ({ kind: 'procedures' as const, names });

  test('the caller and the whole', () => {
    expect(brief(calls('system.info'), { kind: 'key' })).toEqual({ key: 1, overall: 1 });
    expect(brief(calls('system.info'), { kind: 'session' })).toEqual({ session: 1 });
    expect(brief({ kind: 'page' }, { kind: 'address' })).toEqual({
      address: 1,
      'overall-unknown': 1,
    });
  });
  test('a batch counts as its calls', () => {
    expect(brief(calls('a.b', 'a.c', 'a.b'), { kind: 'session' })).toEqual({ session: 3 });
  });
  test('what has a limit of its own does not use up the caller’s', () => {
    expect(brief(calls('metrics.ingest'), { kind: 'key' })).toEqual({ ingest: 1 });
    expect(brief({ kind: 'route', rule: 'ingest' }, { kind: 'key' })).toEqual({ ingest: 1 });
    expect(brief(calls('metrics.ingest', 'system.info'), { kind: 'key' })).toEqual({
      ingest: 1,
      key: 1,
      overall: 1,
    });
  });
  test('what scripts ask again and again does not use up a key, and gives nobody less than its own', () => {
    const reads = calls('breakers.list', 'health.targets.list');
    expect(brief(reads, { kind: 'key' })).toEqual({ reads: 2 });
    expect(brief(reads, { kind: 'key', perMinute: 12_000 })).toEqual({ key: 2 });
    expect(brief(reads, { kind: 'session' })).toEqual({ session: 2 });
    expect(brief(reads, { kind: 'address' })).toEqual({ address: 2, 'overall-unknown': 2 });
    expect(book.get('reads')?.perMinute).toBe(1_000);
    const raised = builtInRules({ perMinute: { ...perMinute, key: 6_000 }, set: new Set() });
    expect(ruleBook(raised, []).get('reads')?.perMinute).toBe(6_000);
  });
  test('without good credentials nobody has the limits of programs, but for heartbeats', () => {
    expect(brief(calls('metrics.ingest'), { kind: 'address' })).toEqual({
      address: 1,
      'overall-unknown': 1,
    });
    expect(brief({ kind: 'route', rule: 'heartbeats' }, { kind: 'address' })).toEqual({
      heartbeats: 1,
    });
  });
  test('strict procedures count beside the caller', () => {
    expect(brief(calls('users.changePassword'), { kind: 'session' })).toEqual({
      session: 1,
      'users.changePassword': 1,
    });
  });
  test('a key with a limit of its own has that, and is not part of the whole', () => {
    const charges = chargesOf(book, calls('system.info'), {
      kind: 'key',
      id: 'x',
      label: 'x',
      perMinute: 12_000,
    });
    expect(charges.map(({ limit, perMinute: limitOf }) => [limit, limitOf])).toEqual([
      ['key', 12_000],
    ]);
  });
  test('an override goes before the configuration, a procedure before its module', () => {
    const facts = { burst: 2, reason: 'r', at: '', by: '' };
    const changed = ruleBook(builtIn, [
      { name: 'health.*', perMinute: 30, mode: 'also', ...facts },
      { name: 'health.report', perMinute: 20, mode: 'instead', ...facts },
      { name: 'key', perMinute: 50, mode: 'instead', ...facts },
    ]);
    expect(brief(calls('health.counts'), { kind: 'key' }, changed)).toEqual({
      'health.*': 1,
      key: 1,
      overall: 1,
    });
    expect(brief(calls('health.report'), { kind: 'key' }, changed)).toEqual({ 'health.report': 1 });
    expect(changed.get('key')).toMatchObject({ perMinute: 50, mode: 'base', source: 'override' });
    expect(book.get('key')).toMatchObject({ source: 'config' });
    expect(book.get('session')).toMatchObject({ source: 'default' });
  });
});
