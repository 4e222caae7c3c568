/** What every store of breakers guarantees: the same answers to the same questions, whoever keeps the state. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Answer,
  BreakerRecords,
  type BreakerStore,
  type Change,
  defaultPolicy,
  MAX_REPLICAS,
  type Probe,
  type Transition,
} from '../client/index.ts';

const policy = {
  ...defaultPolicy,
  openMs: 1_000,
  probeLeaseMs: 300,
  windowMs: 2_000,
  bucketMs: 100,
};
type Opened = {
  store: BreakerStore;
  transitions: Transition[];
  pass(ms: number): Promise<void>;
};
type Step =
  | { kind: 'pass'; ms: number }
  | { kind: 'acquire' }
  | { kind: 'settle'; of: number; outcome: 'success' | 'failure' | 'ignored' }
  | { kind: 'change'; asked: Change }
  | { kind: 'exchange'; replica: string; window: string | null; stale: boolean }
  | { kind: 'rejoin'; back: number; ahead: number; machine: Answer['machine']; agoMs: number };

const change = fc.oneof(
  fc.constantFrom<Change>(
    { kind: 'trip' },
    { kind: 'reset' },
    { kind: 'force', mode: 'open' },
    { kind: 'force', mode: 'closed' },
    { kind: 'force', mode: 'auto' },
  ),
  fc.record({
    kind: fc.constant('open' as const),
    generation: fc.integer({ min: -1, max: 1 }),
    cause: fc.constantFrom('failures' as const, 'slow_calls' as const),
  }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 1_500 }) }),
  fc.constant({ kind: 'acquire' as const }),
  fc.record({
    kind: fc.constant('settle' as const),
    of: fc.nat(5),
    outcome: fc.constantFrom('success' as const, 'failure' as const, 'ignored' as const),
  }),
  fc.record({ kind: fc.constant('change' as const), asked: change }),
  fc.record({
    kind: fc.constant('exchange' as const),
    replica: fc.constantFrom('a', 'b', 'c'),
    window: fc.constantFrom(null, '', '0.3.1.0', '0.3.1.0;2.9.9.1'),
    stale: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('rejoin' as const),
    back: fc.nat(2),
    ahead: fc.nat(3),
    machine: fc.constantFrom('closed' as const, 'open' as const, 'half_open' as const),
    agoMs: fc.nat(2_000),
  }),
);

const plain = ({ windows, ...answer }: Answer) => ({
  ...answer,
  windows: windows?.toSorted((a, b) => (a.replica < b.replica ? -1 : 1)) ?? null,
});

export function breakerStoreSuite(open: () => Promise<Opened>): void {
  test('does what the pure machine does, whatever is asked in whatever order', async () => {
    const runs = fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 40 }),
      async (steps) => {
        const { store, transitions, pass } = await open();
        const told: Transition[] = [];
        const model = new BreakerRecords((each) => told.push(each));
        const name = 'n';
        let now = 10_000;
        let known = model.peek(now, name, policy);
        const probes: Probe[] = [];
        for (const each of steps) {
          let expected = known;
          let answer: Answer;
          switch (each.kind) {
            case 'pass':
              now += each.ms;
              await pass(each.ms);
              continue;
            case 'acquire': {
              const right = model.acquire(now, name, policy);
              const got = await store.acquire(name, policy);
              expect(got.probe).toEqual(right.probe);
              if (right.probe) probes.push(right.probe);
              expected = right.answer;
              answer = got.answer;
              break;
            }
            case 'settle': {
              const probe = probes[each.of % Math.max(1, probes.length)] ?? {
                generation: 1,
                slot: 0,
              };
              const end = { ...probe, outcome: each.outcome };
              expected = model.settle(now, name, policy, end);
              answer = await store.settle(name, policy, end);
              break;
            }
            case 'change': {
              const { asked } = each;
              const real =
                asked.kind === 'open'
                  ? { ...asked, generation: Math.max(1, known.generation + asked.generation) }
                  : asked;
              expected = model.change(now, name, policy, real);
              answer = await store.change(name, policy, real);
              break;
            }
            case 'exchange': {
              const generation = Math.max(1, known.generation - (each.stale ? 1 : 0));
              const offer = { name, policy, generation, window: each.window };
              expected = model.exchange(now, each.replica, offer);
              const [first] = await store.exchange(each.replica, [offer]);
              if (!first) throw new Error('no answer');
              answer = first;
              break;
            }
            case 'rejoin': {
              const base = Math.max(1, known.generation - each.back);
              const brought = {
                name,
                policy,
                base,
                generation: base + each.ahead,
                machine: each.machine,
                forced: null,
                openedAgoMs: each.agoMs,
                cause: 'rejoined' as const,
                slots: [],
              };
              expected = model.rejoin(now, brought);
              const [first] = await store.rejoin([brought]);
              if (!first) throw new Error('no answer');
              answer = first;
            }
          }
          expect(plain(answer)).toEqual(plain(expected));
          known = expected;
        }
        expect(transitions).toEqual(told);
      },
    );
    await fc.assert(runs, { numRuns: 150 });
  });

  test('tells of changes at once, and of those that were missed', async () => {
    const { store } = await open();
    const heard: Answer[] = [];
    const end = store.onChanged((answer) => heard.push(answer));
    const before = await store.changed(0);
    expect(before.names).toEqual([]);
    await store.change('one', policy, { kind: 'trip' });
    await store.change('two', policy, { kind: 'force', mode: 'closed' });
    await expect
      .poll(() => heard.map(({ name, machine, forced }) => [name, machine, forced]))
      .toEqual([
        ['one', 'open', null],
        ['two', 'closed', 'closed'],
      ]);
    const after = await store.changed(before.version);
    expect(after.names?.toSorted()).toEqual(['one', 'two']);
    expect((await store.changed(after.version)).names).toEqual([]);
    end();
  });

  test('hears of so many programs and no more; those that were there first stay', async () => {
    const { store } = await open();
    const tell = async (replica: string, calls: number) => {
      const window = `0.${calls.toString(36)}.0.0`;
      const offer = { name: 'n', policy, generation: 1, window };
      const [answer] = await store.exchange(replica, [offer]);
      return answer?.windows ?? [];
    };
    for (let n = 0; n < MAX_REPLICAS; n++) await tell(`program ${n}`, 1);
    await tell('one more', 1);
    await tell('program 0', 2);
    const heard = new Map(
      (await tell('program 1', 1)).map(({ replica, window }) => [replica, window]),
    );
    expect(heard.size).toBe(MAX_REPLICAS - 1);
    expect([heard.get('one more'), heard.get('program 0')]).toEqual([undefined, '0.2.0.0']);
  });

  test('gives three slots to a thousand who ask at once', async () => {
    const { store, pass } = await open();
    await store.change('n', policy, { kind: 'trip' });
    await pass(policy.openMs);
    const asked = await Promise.all(
      Array.from({ length: 1_000 }, () => store.acquire('n', policy)),
    );
    expect(asked.filter(({ probe }) => probe !== null)).toHaveLength(3);
  });
}
