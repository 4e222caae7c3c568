/** Uptime, windows, the schedule, partitions and shares: everything that is pure and about time or places. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { condense, partitionEnd, partitionOf } from './history.ts';
import { nothingArrives } from './online.ts';
import { createSchedule, nextDue, phaseOf } from './schedule.ts';
import { SHARDS, share } from './shards.ts';
import { stateBar, stretches, uptime } from './uptime.ts';
import { cronFault, nextOccurrence, occurrenceAt, type Window } from './windows.ts';

const at = (text: string) => Date.parse(text);

describe('uptime', () => {
  const flips = [
    { at: 100, from: 'healthy', to: 'down' },
    { at: 200, from: 'down', to: 'healthy' },
    { at: 300, from: 'healthy', to: 'maintenance' },
    { at: 400, from: 'maintenance', to: 'healthy' },
  ] as const;
  test('maintenance counts for neither side', () => {
    expect(uptime(stretches(flips, 'healthy', 0, 500))).toBeCloseTo(300 / 400, 10);
    expect(uptime(stretches(flips, 'healthy', 300, 400))).toBe(null);
    expect(uptime(stretches([], 'unknown', 0, 500))).toBe(null);
    expect(uptime(stretches([], 'degraded', 0, 500))).toBe(1);
  });
  test('stretches cover the range without gaps, whatever happened', () => {
    const states = fc.constantFrom('healthy', 'down', 'unknown', 'maintenance', 'degraded');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: -50, max: 550 }), states)), (raw) => {
        const sorted = raw.sort(([a], [b]) => a - b);
        const known = sorted.map(([when, to], i) => ({
          at: when,
          from: sorted[i - 1]?.[1] ?? ('unknown' as const),
          to,
        }));
        const parts = stretches(known, sorted.at(-1)?.[1] ?? 'healthy', 0, 500);
        expect(parts[0]?.from).toBe(0);
        expect(parts.at(-1)?.to).toBe(500);
        parts.forEach((part, i) => {
          expect(part.to).toBeGreaterThan(part.from);
          if (i > 0) expect(part.from).toBe(parts[i - 1]?.to);
        });
      }),
    );
  });
  test('the bar shows the worst of each cell', () => {
    expect(stateBar(stretches(flips, 'healthy', 0, 500), 0, 500, 5)).toBe('hxhmh');
    expect(stateBar(stretches(flips, 'healthy', 0, 500), 0, 500, 2)).toBe('xm');
    expect(stateBar([], 0, 500, 3)).toBe('uuu');
  });
});

describe('windows', () => {
  const once: Window = {
    id: 'a',
    targetIds: [],
    startsAt: at('2026-03-01T10:00:00Z'),
    endsAt: at('2026-03-01T11:00:00Z'),
    cron: null,
    timeZone: 'UTC',
    durationMs: null,
  };
  const sundays: Window = {
    ...once,
    startsAt: null,
    endsAt: null,
    cron: '0 3 * * 0',
    timeZone: 'Europe/Berlin',
    durationMs: 7_200_000,
  };
  test('once: from its start up to its end', () => {
    expect(occurrenceAt(once, at('2026-03-01T09:59:59.999Z'))).toBe(null);
    expect(occurrenceAt(once, at('2026-03-01T10:00:00Z'))).not.toBe(null);
    expect(occurrenceAt(once, at('2026-03-01T11:00:00Z'))).toBe(null);
    expect(nextOccurrence(once, at('2026-03-01T09:00:00Z'))?.from).toBe(once.startsAt);
    expect(nextOccurrence(once, at('2026-03-01T10:30:00Z'))).toBe(null);
  });
  test('recurring: at the local hour, in summer and in winter', () => {
    expect(occurrenceAt(sundays, at('2026-01-04T02:00:00Z'))?.from).toBe(
      at('2026-01-04T02:00:00Z'),
    );
    expect(occurrenceAt(sundays, at('2026-01-04T03:59:59Z'))).not.toBe(null);
    expect(occurrenceAt(sundays, at('2026-01-04T04:00:00Z'))).toBe(null);
    expect(occurrenceAt(sundays, at('2026-07-05T01:00:00Z'))?.from).toBe(
      at('2026-07-05T01:00:00Z'),
    );
    expect(nextOccurrence(sundays, at('2026-01-04T02:00:00Z'))?.from).toBe(
      at('2026-01-11T02:00:00Z'),
    );
  });
  test.each([
    ['0 3 * * 0', 60, null],
    ['*/5 * * * *', 10, /begins again/],
    ['0 3 * *', 60, /Five fields/],
    ['0 3 * * * *', 60, /Five fields/],
    ['61 3 * * 0', 60, /Not a cron/],
  ])('%s for %i min', (cron, minutes, fault) => {
    const found = cronFault(cron, 'UTC', minutes);
    if (fault === null) expect(found).toBe(null);
    else expect(found).toMatch(fault);
  });
});

describe('schedule', () => {
  test('gives keys in the order of their times, each once, moved and removed ones too', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(20), fc.option(fc.nat(1_000), { nil: null })), { maxLength: 200 }),
        (operations) => {
          const schedule = createSchedule();
          const model = new Map<string, number>();
          for (const [key, due] of operations) {
            if (due === null) {
              schedule.remove(String(key));
              model.delete(String(key));
            } else {
              schedule.set(String(key), due);
              model.set(String(key), due);
            }
          }
          expect(schedule.size()).toBe(model.size);
          const out: number[] = [];
          for (let next = schedule.pop(500); next; next = schedule.pop(500)) {
            expect(model.get(next.key)).toBe(next.due);
            model.delete(next.key);
            out.push(next.due);
          }
          expect(out).toEqual([...out].sort((a, b) => a - b));
          expect([...model.values()].every((due) => due > 500)).toBe(true);
        },
      ),
    );
  });
  test('a late check skips what it missed and stays near its grid', () => {
    expect(nextDue(1_000, 30_000, 1_200, 0.5)).toBe(31_000);
    expect(nextDue(1_000, 30_000, 100_000, 0.5)).toBe(121_000);
    expect(nextDue(1_000, 30_000, 1_200, 0)).toBe(30_250);
    expect(nextDue(1_000, 30_000, 1_200, 1)).toBe(31_750);
  });
  test('5000 targets are spread evenly', () => {
    const cells = new Uint32Array(30);
    for (let ref = 1; ref <= 5_000; ref++)
      cells[Math.floor(phaseOf(ref) * 30)] = (cells[Math.floor(phaseOf(ref) * 30)] ?? 0) + 1;
    expect(Math.max(...cells) - Math.min(...cells)).toBeLessThan(5);
  });
});

describe('places', () => {
  test('shards are shared fairly and all of them are taken', () => {
    for (const members of [1, 2, 3, 5, 64, 100]) {
      const { fair } = share(members, []);
      expect(fair * members).toBeGreaterThanOrEqual(SHARDS);
      expect(fair).toBeLessThanOrEqual(Math.ceil(SHARDS / members));
    }
    const all = Array.from({ length: SHARDS }, (_, shard) => shard);
    expect(share(2, all).surplus).toHaveLength(SHARDS / 2);
    expect(share(1, all).surplus).toEqual([]);
  });
  test('partitions: a day, or a month for sums by hour', () => {
    expect(partitionOf('health_checks', at('2026-12-31T23:59:59.999Z'))).toEqual({
      name: 'health_checks_20261231',
      from: '2026-12-31T00:00:00Z',
      to: '2027-01-01T00:00:00.000Z',
    });
    expect(partitionOf('health_hours', at('2026-12-31T23:00:00Z'))).toEqual({
      name: 'health_hours_202612',
      from: '2026-12-01T00:00:00Z',
      to: '2027-01-01T00:00:00.000Z',
    });
    expect(partitionEnd('health_checks', 'health_checks_20261231')).toBe(
      at('2027-01-01T00:00:00Z'),
    );
    expect(partitionEnd('health_hours', 'health_hours_202612')).toBe(at('2027-01-01T00:00:00Z'));
    expect(partitionEnd('health_checks', 'pg_stat')).toBe(null);
  });
  test('a long range is condensed without losing a check', () => {
    const sums = Array.from({ length: 10_000 }, (_, i) => ({
      at: i * 60_000,
      checks: 2,
      failures: i % 2,
      sum: 10,
      max: 9,
    }));
    const { points, stepMs } = condense(sums, 0, 600_000_000, 60_000);
    expect(points.length).toBeLessThanOrEqual(1_501);
    expect(stepMs).toBeGreaterThan(60_000);
    expect(points.reduce((sum, point) => sum + point.checks, 0)).toBe(20_000);
    expect(points.reduce((sum, point) => sum + point.failures, 0)).toBe(5_000);
  });
});

describe('a prober without a network', () => {
  const hosts = (arrived: boolean[], when = 0) =>
    new Map(arrived.map((each, i) => [`h${i}`, { arrived: each, at: when }]));
  test.each([
    ['five hosts and nothing from any', [false, false, false, false, false], 0, true],
    ['one answer is enough to be online', [false, false, false, false, true], 0, false],
    ['four hosts may all be down', [false, false, false, false], 0, false],
    ['old news says nothing', [false, false, false, false, false], 120_000, false],
  ])('%s', (_name, arrived, now, offline) => {
    expect(nothingArrives(hosts(arrived), now)).toBe(offline);
  });
});
