/** The machine on its own: the published cases, and what holds whatever happens. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_BUCKETS } from '../client/contract.ts';
import {
  ASK,
  Breaker,
  BreakerRecords,
  defaultPolicy,
  type Effect,
  packBuckets,
  policyFaults,
  REJECTED,
  SlidingWindow,
  unpackBuckets,
} from '../client/index.ts';
import { backtest } from './backtest.ts';
import { replay, timelineSchema } from './timeline.ts';

const run = (events: object[], more: object = {}) =>
  replay(timelineSchema.parse({ events, ...more }));
const burst = (t: number, n: number, outcome: string, more: object = {}) => ({
  t,
  op: 'burst',
  n,
  outcome,
  everyMs: 0,
  ...more,
});

describe('one replica', () => {
  test('opens at half of at least ten calls, and not before', () => {
    expect(run([burst(0, 5, 'success'), burst(1, 4, 'failure'), burst(2, 1, 'failure')])).toEqual([
      { state: 'CLOSED', result: 'admit' },
      { state: 'CLOSED', result: 'admit' },
      { state: 'OPEN', result: 'admit' },
    ]);
  });
  test('ignored calls are not counted, time-outs are', () => {
    const states = run([burst(0, 50, 'ignored'), burst(1, 9, 'timeout'), burst(2, 1, 'timeout')]);
    expect(states.map(({ state }) => state)).toEqual(['CLOSED', 'CLOSED', 'OPEN']);
  });
  test('forgets what is older than the window, after a gap without calls too', () => {
    const states = run([burst(0, 9, 'failure'), burst(600_000, 1, 'failure')]);
    expect(states.at(-1)?.state).toBe('CLOSED');
  });
  test('three trials close it, the fourth caller is turned away, and its window is empty', () => {
    const call = (t: number, id: string) => ({ t, op: 'call', id });
    const done = (t: number, id: string, outcome = 'success') => ({ t, op: 'done', id, outcome });
    const got = run([
      burst(0, 10, 'failure'),
      ...['a', 'b', 'c', 'd'].map((id) => call(60_000, id)),
      done(60_001, 'a'),
      done(60_001, 'a'),
      done(60_001, 'b'),
      done(60_002, 'c'),
      burst(60_003, 9, 'failure'),
    ]);
    expect(got.map(({ result, state }) => result ?? state)).toEqual([
      ...['admit', 'admit', 'admit', 'admit', 'reject'],
      ...['HALF_OPEN', 'HALF_OPEN', 'HALF_OPEN', 'CLOSED', 'admit'],
    ]);
    expect(got.at(-1)?.state).toBe('CLOSED');
  });
  test('an ignored trial gives its slot back; a lost one opens it from the moment its lease ended', () => {
    const got = run([
      burst(0, 10, 'failure'),
      { t: 60_000, op: 'call', id: 'a' },
      { t: 60_001, op: 'done', id: 'a', outcome: 'ignored' },
      ...['b', 'c', 'd', 'e'].map((id) => ({ t: 60_002, op: 'call', id })),
      { t: 90_002, op: 'state' },
      { t: 150_001, op: 'state' },
      { t: 150_002, op: 'state' },
    ]);
    expect(got.slice(3, 7).map(({ result }) => result)).toEqual([
      'admit',
      'admit',
      'admit',
      'reject',
    ]);
    expect(got.slice(7).map(({ state }) => state)).toEqual(['OPEN', 'OPEN', 'HALF_OPEN']);
  });
  test('late results move nothing', () => {
    const late = (outcome: string) =>
      run([
        ...Array.from({ length: 12 }, (_, n) => ({ t: 0, op: 'call', id: `${n}` })),
        burst(1, 10, 'failure'),
        ...Array.from({ length: 12 }, (_, n) => ({ t: 2, op: 'done', id: `${n}`, outcome })),
        { t: 60_001, op: 'state' },
      ]).map(({ state }) => state);
    expect(new Set(late('success').slice(13, -1))).toEqual(new Set(['OPEN']));
    expect(late('failure').at(-1)).toBe('HALF_OPEN');
  });
  test('slow calls open it, and a slow trial is a failed one', () => {
    const config = { slowCallMs: 1_000, slowCallThreshold: 0.5 };
    const got = run(
      [
        burst(0, 5, 'success', { durationMs: 10 }),
        burst(1, 5, 'success', { durationMs: 1_000 }),
        { t: 60_001, op: 'call', id: 'a' },
        { t: 61_001, op: 'done', id: 'a', outcome: 'success' },
      ],
      { config },
    );
    expect(got.map(({ state }) => state)).toEqual(['CLOSED', 'OPEN', 'HALF_OPEN', 'OPEN']);
  });
  test.each([
    { windowMs: 0 },
    { windowMs: Number.NaN },
    { minimumCalls: 0 },
    { failureThreshold: 0 },
    { failureThreshold: Number.NaN },
    { failureThreshold: 1.5 },
    { openMs: -1 },
    { halfOpenProbes: 0 },
    { bucketMs: 7_000 },
    { windowMs: 3_600_000, bucketMs: 100 },
    { unknown: 1 },
  ])('refuses the policy %j and names the field', (config) => {
    const parsed = timelineSchema.safeParse({ events: [], config });
    expect(parsed.success).toBe(false);
    expect(JSON.stringify(parsed.error?.issues)).toContain(Object.keys(config).at(-1));
  });
});

describe('replicas', () => {
  const replicas = ['A', 'B'];
  const sync = (t: number) => ({ t, op: 'sync' });
  test('share window, state and slots', () => {
    const got = run(
      [
        burst(0, 5, 'failure', { replica: 'A' }),
        sync(1_000),
        burst(2_000, 5, 'failure', { replica: 'B' }),
        sync(3_000),
        { t: 3_001, op: 'state', replica: 'A' },
        { t: 62_000, op: 'call', id: 'a', replica: 'A' },
        { t: 62_000, op: 'call', id: 'b', replica: 'B' },
        { t: 62_000, op: 'call', id: 'c', replica: 'A' },
        { t: 62_000, op: 'call', id: 'd', replica: 'B' },
      ],
      { replicas },
    );
    expect(got[4]?.state).toBe('OPEN');
    expect(got.slice(5).map(({ result }) => result)).toEqual(['admit', 'admit', 'admit', 'reject']);
  });
  test('go on alone while the store is away, and the strictest state is what they come back to', () => {
    const got = run(
      [
        { t: 0, op: 'store', state: 'down' },
        burst(1_000, 10, 'failure', { replica: 'A' }),
        { t: 2_000, op: 'state', replica: 'B' },
        { t: 3_000, op: 'store', state: 'up' },
        { t: 4_000, op: 'state', replica: 'B' },
        { t: 60_999, op: 'state', replica: 'B' },
        { t: 61_000, op: 'state', replica: 'B' },
      ],
      { replicas },
    );
    expect(got.map(({ state }) => state)).toEqual([
      ...['CLOSED', 'OPEN', 'CLOSED', 'OPEN', 'OPEN', 'OPEN', 'HALF_OPEN'],
    ]);
  });
  test('what is forgotten opens nothing: only an outcome does', () => {
    const got = run(
      [
        burst(0, 12, 'success', { replica: 'A' }),
        burst(30_000, 11, 'failure', { replica: 'A' }),
        { t: 61_000, op: 'state', replica: 'A' },
        { t: 61_000, op: 'state', replica: 'B' },
        burst(62_000, 1, 'success', { replica: 'B' }),
      ],
      { replicas },
    );
    expect(got.map(({ state }) => state)).toEqual(['CLOSED', 'CLOSED', 'CLOSED', 'CLOSED', 'OPEN']);
  });
  test('a wall clock that is wrong decides nothing', () => {
    const skewed = run(
      [
        { t: 0, op: 'clock', replica: 'A', skewMs: -3_600_000 },
        burst(0, 10, 'failure', { replica: 'A' }),
        sync(1_000),
        { t: 59_999, op: 'call', id: 'x', replica: 'B' },
        { t: 60_000, op: 'call', id: 'y', replica: 'B' },
      ],
      { replicas },
    );
    expect(skewed.slice(3).map(({ result }) => result)).toEqual(['reject', 'admit']);
  });

  test('of three, one that alone sees failures opens for itself alone', () => {
    const records = new BreakerRecords();
    const names = ['a', 'b', 'c'];
    const all = names.map(() => new Breaker('n', defaultPolicy));
    const exchange = (now: number) => {
      for (let round = 0; round < 2; round++) {
        for (const [n, breaker] of all.entries()) {
          const window = packBuckets(breaker.buckets(now));
          const { generation } = breaker;
          const offer = { name: 'n', policy: defaultPolicy, generation, window };
          const effect = breaker.adopt(records.exchange(now, names[n] ?? '', offer), now);
          if (effect?.kind === 'change') {
            breaker.adopt(records.change(now, 'n', defaultPolicy, effect.change), now);
          }
        }
      }
    };
    const calls = (at: number, n: number, ok: boolean, now: number) => {
      const breaker = all[at];
      for (let i = 0; i < n; i++) {
        const token = breaker?.admit(now) ?? REJECTED;
        const effect = breaker?.record(token, ok ? 'success' : 'failure', 1, now);
        if (effect?.kind === 'change') {
          breaker?.adopt(records.change(now, 'n', defaultPolicy, effect.change), now);
        }
      }
    };
    calls(1, 2, true, 1_000);
    calls(2, 2, true, 1_000);
    exchange(1_000);
    calls(0, 20, false, 2_000);
    exchange(2_000);
    expect(all.map((breaker) => breaker.machine(2_000))).toEqual(['open', 'closed', 'closed']);
    expect([all[0]?.isAlone, all[0]?.admit(2_000), all[1]?.admit(2_000)]).toEqual([
      true,
      REJECTED,
      1,
    ]);
    // A second one sees it too: now it is the service, and it opens for all.
    calls(1, 20, false, 3_000);
    exchange(3_000);
    expect(all.map((breaker) => breaker.machine(3_000))).toEqual(['open', 'open', 'open']);
    expect(all[0]?.isAlone).toBe(false);
  });
});

test('ten thousand random schedules: never more than three trials at once, never one in CLOSED', () => {
  const action = fc.record({
    who: fc.nat(3),
    what: fc.constantFrom(
      'call',
      'call',
      'call',
      'call',
      'done',
      'done',
      'pass',
      'exchange',
      'trip',
    ),
    outcome: fc.constantFrom('success' as const, 'failure' as const, 'ignored' as const),
    ms: fc.constantFrom(1, 100, 60_000),
  });
  const property = fc.property(fc.array(action, { minLength: 30, maxLength: 60 }), (actions) => {
    const policy = { ...defaultPolicy, minimumCalls: 2 };
    let now = 0;
    let trials = 0;
    let generation = 0;
    const records = new BreakerRecords((each) => {
      generation = each.generation;
      trials = 0;
    });
    const replicas = Array.from({ length: 4 }, () => ({
      breaker: new Breaker('n', policy, { quorum: false }),
      calls: [] as { token: number; trial: boolean; generation: number }[],
    }));
    const carry = (breaker: Breaker, effect: Effect | null) => {
      if (!effect) return;
      breaker.adopt(
        effect.kind === 'settle'
          ? records.settle(now, 'n', policy, effect.probe)
          : records.change(now, 'n', policy, effect.change),
        now,
      );
    };
    for (const { who, what, outcome, ms } of actions) {
      const replica = replicas[who];
      if (!replica) continue;
      const { breaker, calls } = replica;
      if (what === 'pass') now += ms;
      else if (what === 'trip')
        breaker.adopt(records.change(now, 'n', policy, { kind: 'trip' }), now);
      else if (what === 'exchange') {
        const window = packBuckets(breaker.buckets(now));
        const offer = { name: 'n', policy, generation: breaker.generation, window };
        carry(breaker, breaker.adopt(records.exchange(now, String(who), offer), now));
      } else if (what === 'call') {
        let token = breaker.admit(now);
        if (token === ASK) {
          const { answer, probe } = records.acquire(now, 'n', policy);
          breaker.adopt(answer, now);
          token = breaker.granted(probe, now);
          if (probe && token < 0) {
            trials += 1;
            if (probe.generation !== generation) throw new Error('a slot of another generation');
            if (trials > policy.halfOpenProbes) throw new Error(`${trials} trials`);
          }
        }
        if (token !== REJECTED) calls.push({ token, trial: token < 0, generation });
      } else {
        const call = calls.shift();
        if (!call) continue;
        const before = generation;
        carry(breaker, breaker.record(call.token, outcome, 1, now));
        const live = call.generation === before && before === generation;
        if (call.trial && outcome === 'ignored' && live) trials = Math.max(0, trials - 1);
      }
    }
  });
  fc.assert(property, { numRuns: 10_000 });
});

describe('the window', () => {
  test('counts what a plain list counts, clocks that go back included', () => {
    const moves = fc.array(
      fc.record({
        ms: fc.integer({ min: -3_000, max: 30_000 }),
        failed: fc.boolean(),
        slow: fc.boolean(),
      }),
      { maxLength: 200 },
    );
    const property = fc.property(moves, (steps) => {
      const window = new SlidingWindow({ ...defaultPolicy, slowCallMs: 1 });
      const list: { bucket: number; failed: boolean; slow: boolean }[] = [];
      let now = 1_000_000;
      let head = 0;
      for (const { ms, failed, slow } of steps) {
        now += ms;
        head = Math.max(head, Math.floor(now / 1_000));
        window.add(now, failed, slow);
        list.push({ bucket: head, failed, slow });
        const live = list.filter(({ bucket }) => bucket > head - 60);
        expect([window.calls, window.failures, window.slow]).toEqual([
          live.length,
          live.filter((each) => each.failed).length,
          live.filter((each) => each.slow).length,
        ]);
        const packed = unpackBuckets(packBuckets(window.buckets(now)));
        expect(packed).toEqual(window.buckets(now));
        expect(packed.reduce((sum, [, calls]) => sum + calls, 0)).toBe(live.length);
      }
    });
    fc.assert(property, { numRuns: 300 });
  });
  test('text that is none adds nothing', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const [age, calls, failures, slow] of unpackBuckets(text)) {
          expect(age >= 0 && calls > 0 && failures <= calls && slow <= calls).toBe(true);
        }
      }),
    );
  });
  test('no text holds more than a window does', () => {
    const many = Array.from({ length: 1_000 }, (_, age) => `${age.toString(36)}.2.1.0`).join(';');
    expect(unpackBuckets(many)).toHaveLength(MAX_BUCKETS);
    expect(unpackBuckets('3.2.1.0;3.2.1.0;1.9.9.9;4.1.0.0')).toEqual([
      [3, 2, 1, 0],
      [4, 1, 0, 0],
    ]);
  });
  test('the defaults are accepted', () => expect(policyFaults(defaultPolicy)).toEqual([]));
});

describe('the back-test', () => {
  const bins = (...rows: [successes: number, failures: number][]) =>
    rows.map(([successes, failures], n) => ({ at: n * 1_000, successes, failures, slow: 0 }));
  const quiet = Array.from({ length: 30 }, () => [10, 0] as [number, number]);
  const outage = Array.from({ length: 120 }, () => [0, 10] as [number, number]);

  test('says when it would have opened, and what that would have cost and saved', () => {
    const policy = { ...defaultPolicy, openMs: 30_000 };
    const run = backtest(bins(...quiet, ...outage, ...quiet), 1_000, policy);
    // 30 s of 300 good calls, then 10 failures a second: half of all after 30 s more.
    expect(run.openings[0]?.at).toBe(new Date(60_000).toISOString());
    expect(run.openings.at(-1)?.until).toBe(new Date(153_000).toISOString());
    expect(run.rejected).toBe(run.avoidedFailures + run.lostSuccesses);
    expect(run.avoidedFailures).toBe(900 - (run.openings.length - 1));
    // Good again at 150 s, tried again at 152 s.
    expect(run.lostSuccesses).toBe(20);
  });
  test('a stricter policy opens earlier and costs more', () => {
    const mixed = Array.from({ length: 300 }, () => [8, 2] as [number, number]);
    const loose = backtest(bins(...mixed), 1_000, defaultPolicy);
    const strict = backtest(bins(...mixed), 1_000, { ...defaultPolicy, failureThreshold: 0.2 });
    expect(loose).toMatchObject({ openings: [], rejected: 0, openSeconds: 0 });
    expect(strict.openings.length).toBeGreaterThan(0);
    expect(strict.lostSuccesses).toBeGreaterThan(strict.avoidedFailures);
  });
});
