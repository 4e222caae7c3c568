import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Conditions, conditionsSchema, type Rule, ruleSchema } from './contract.ts';
import { type Asked, compile, decide } from './decide.ts';

const NOON = Date.parse('2026-03-04T12:00:00Z'); // a Wednesday
let made = 0;
const rule = (over: Partial<Rule> & Pick<Rule, 'effect'>): Rule => ({
  id: `r${String(++made).padStart(6, '0')}`,
  name: 'rule',
  description: '',
  subject: '*',
  tool: '*',
  scope: '*',
  conditions: {},
  ...over,
});
const asked = (over: Partial<Asked> = {}): Asked => ({
  subjects: ['agent:bot'],
  tool: 'deploy',
  scope: 'prod/payments',
  address: '10.1.2.3',
  environment: 'production',
  ...over,
});
const effectOf = (rules: readonly Rule[], over: Partial<Asked> = {}, at = NOON) =>
  decide(rules, 'allow', asked(over), at).effect;

describe('patterns', () => {
  test.each([
    ['agent:bot', 'deploy', 'prod/payments', true],
    ['*', '*', '*', true],
    ['agent:*', 'dep*', 'prod/*', true],
    ['agent:bot', 'deploy', 'prod/pay*', true],
    ['agent:bo', 'deploy', '*', false],
    ['agent:bots', '*', '*', false],
    ['key:*', '*', '*', false],
    ['*', 'deploy.*', '*', false],
    ['*', 'Deploy', '*', false],
    ['*', '*', 'prod', false],
    ['*', '*', 'staging/*', false],
    // Characters that mean something elsewhere are themselves.
    ['agent:.ot', '*', '*', false],
    ['*', 'd.ploy', '*', false],
    ['*', '*', 'prod/(.+)', false],
  ])('%s %s %s: %s', (subject, tool, scope, fits) => {
    expect(effectOf([rule({ effect: 'deny', subject, tool, scope })])).toBe(
      fits ? 'deny' : 'allow',
    );
  });

  test('who asks for many scopes is stopped by a deny for one, and needs an allow for all', () => {
    const deny = [rule({ effect: 'deny', scope: 'prod/payments' })];
    expect(effectOf(deny, { scope: 'prod/*' })).toBe('deny');
    expect(effectOf(deny, { scope: '*' })).toBe('deny');
    expect(effectOf(deny, { scope: 'staging/*' })).toBe('allow');
    const allow = [rule({ effect: 'allow', scope: 'prod/*' })];
    const outcome = (scope: string) => decide(allow, 'deny', asked({ scope }), NOON).effect;
    expect(outcome('prod/payments')).toBe('allow');
    expect(outcome('prod/p*')).toBe('allow');
    expect(outcome('prod*')).toBe('deny');
    expect(outcome('*')).toBe('deny');
  });

  test('the most specific rule is named', () => {
    const wide = rule({ effect: 'deny' });
    const near = rule({ effect: 'deny', subject: 'agent:bot', tool: 'deploy' });
    expect(decide([wide, near], 'allow', asked(), NOON).rule?.id).toBe(near.id);
  });
});

describe('conditions', () => {
  const during = (times: NonNullable<Conditions['times']>, at: string) =>
    effectOf([rule({ effect: 'deny', conditions: { times } })], {}, Date.parse(at)) === 'deny';
  const week = [1, 2, 3, 4, 5];

  test.each([
    ['08:00', '18:00', '2026-03-04T07:59:00Z', false],
    ['08:00', '18:00', '2026-03-04T08:00:00Z', true],
    ['08:00', '18:00', '2026-03-04T17:59:59Z', true],
    ['08:00', '18:00', '2026-03-04T18:00:00Z', false],
    // Past midnight: the day is that on which it began.
    ['22:00', '06:00', '2026-03-06T23:00:00Z', true],
    ['22:00', '06:00', '2026-03-07T05:00:00Z', true],
    ['22:00', '06:00', '2026-03-07T23:00:00Z', false],
    ['22:00', '06:00', '2026-03-09T05:00:00Z', false],
    ['00:00', '00:00', '2026-03-04T00:00:00Z', true],
    ['00:00', '00:00', '2026-03-08T12:00:00Z', false],
  ])('%s–%s on weekdays, at %s: %s', (from, to, at, inside) => {
    expect(during([{ days: week, from, to, timeZone: 'UTC' }], at)).toBe(inside);
  });

  test('a window keeps to the clocks of its time zone, also when they change', () => {
    const window = [{ days: week, from: '08:00', to: '18:00', timeZone: 'Europe/Berlin' }];
    expect(during(window, '2026-03-27T07:00:00Z')).toBe(true); // 08:00 in winter
    expect(during(window, '2026-03-27T06:59:00Z')).toBe(false);
    expect(during(window, '2026-03-30T06:00:00Z')).toBe(true); // 08:00 in summer
    expect(during(window, '2026-03-30T16:00:00Z')).toBe(false);
  });

  test.each([
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.70', false],
    ['2001:db8::/32', '2001:db8::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    // An IPv4 address is part of IPv6, as ::ffff:0:0/96.
    ['::/0', '10.1.2.3', true],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['::ffff:10.0.0.0/104', '11.1.2.3', false],
  ])('the network %s has %s: %s', (network, address, inside) => {
    const rules = [rule({ effect: 'deny', conditions: { addresses: [network] } })];
    expect(effectOf(rules, { address })).toBe(inside ? 'deny' : 'allow');
  });

  test('what is not known counts against the caller', () => {
    const conditions = { addresses: ['192.0.2.0/24'], environments: ['staging'] };
    const unknown = { address: null, environment: null };
    expect(effectOf([rule({ effect: 'deny', conditions })], unknown)).toBe('deny');
    expect(
      effectOf([rule({ effect: 'deny', conditions })], { address: 'nonsense', environment: null }),
    ).toBe('deny');
    const allow = [rule({ effect: 'allow', conditions })];
    expect(decide(allow, 'deny', asked(unknown), NOON).effect).toBe('deny');
  });

  test('all conditions must hold', () => {
    const conditions = { environments: ['production'], addresses: ['192.0.2.0/24'] };
    expect(effectOf([rule({ effect: 'deny', conditions })])).toBe('allow');
    expect(effectOf([rule({ effect: 'deny', conditions })], { address: '192.0.2.9' })).toBe('deny');
  });
});

describe('whatever the rules', () => {
  const subjects = ['*', 'agent:bot', 'agent:*', 'role:viewer', 'role:admin', 'key:1', 'a*'];
  const tools = ['*', 'deploy', 'deploy.*', 'dep*', 'metrics.query', 'metrics.*'];
  const scopes = ['*', 'prod/*', 'prod/payments', 'staging', 's*'];
  const conditions = fc.constantFrom<Conditions>(
    {},
    {},
    { environments: ['production'] },
    { environments: ['staging'] },
    { addresses: ['10.0.0.0/8'] },
    { times: [{ days: [3], from: '11:00', to: '13:00', timeZone: 'UTC' }] },
    { times: [{ days: [1], from: '22:00', to: '06:00', timeZone: 'Asia/Kathmandu' }] },
  );
  const rules = fc
    .array(
      fc.record({
        subject: fc.constantFrom(...subjects),
        tool: fc.constantFrom(...tools),
        scope: fc.constantFrom(...scopes),
        effect: fc.constantFrom('allow' as const, 'deny' as const),
        conditions,
      }),
      { maxLength: 30 },
    )
    .map((list) => list.map((each) => rule(each)));
  const question = fc.record({
    subjects: fc.subarray(['agent:bot', 'agent:other', 'role:viewer', 'key:1', 'user:a@b.c']),
    tool: fc.constantFrom('deploy', 'deploy.now', 'metrics.query', 'x'),
    scope: fc.constantFrom('*', 'prod/payments', 'prod/*', 'staging', 'else'),
    address: fc.constantFrom(null, '10.0.0.9', '192.0.2.1'),
    environment: fc.constantFrom(null, 'production', 'dev'),
  });
  const effect = fc.constantFrom('allow' as const, 'deny' as const);

  /** The rules read one after the other, as a person would. */
  const byHand = (list: readonly Rule[], fallback: 'allow' | 'deny', ask: Asked) => {
    const takesIn = (pattern: string, text: string) =>
      pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : pattern === text;
    const scopeFits = ({ scope, effect: of }: Rule) => {
      if (!ask.scope.endsWith('*')) return takesIn(scope, ask.scope);
      const prefix = ask.scope.slice(0, -1);
      const covers = scope.endsWith('*') && prefix.startsWith(scope.slice(0, -1));
      return covers || (of === 'deny' && scope.replace(/\*$/, '').startsWith(prefix));
    };
    const fits = (each: Rule) =>
      ask.subjects.some((subject) => takesIn(each.subject, subject)) &&
      takesIn(each.tool, ask.tool) &&
      scopeFits(each) &&
      // Each condition by itself was looked at above.
      decide(
        [{ ...each, subject: '*', tool: '*', scope: '*', effect: each.effect }],
        each.effect === 'deny' ? 'allow' : 'deny',
        { ...ask, subjects: ['x'], scope: 'x' },
        NOON,
      ).rule !== null;
    if (list.some((each) => each.effect === 'deny' && fits(each))) return 'deny';
    return list.some((each) => each.effect === 'allow' && fits(each)) ? 'allow' : fallback;
  };

  test('the index says what reading all rules says', () => {
    fc.assert(
      fc.property(rules, effect, question, (list, fallback, ask) => {
        expect(decide(list, fallback, ask, NOON).effect).toBe(byHand(list, fallback, ask));
      }),
      { numRuns: 2_000 },
    );
  });
  test('deny wins in any order, and the same rule is named', () => {
    fc.assert(
      fc.property(
        rules.chain((list) =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
        ),
        effect,
        question,
        ([list, shuffled], fallback, ask) => {
          const one = decide(list, fallback, ask, NOON);
          const other = decide(shuffled, fallback, ask, NOON);
          expect([other.effect, other.rule?.id]).toEqual([one.effect, one.rule?.id]);
          const all = compile([...list, rule({ effect: 'deny' })], fallback).decide(ask, NOON);
          expect(all.effect).toBe(ask.subjects.length > 0 ? 'deny' : fallback);
        },
      ),
    );
  });
  test('one allow more never takes a deny by a rule away, and one deny more never allows', () => {
    fc.assert(
      fc.property(rules, rules, effect, question, (list, more, fallback, ask) => {
        const before = decide(list, fallback, ask, NOON);
        const allows = more.map((each) => ({ ...each, effect: 'allow' as const }));
        if (before.effect === 'deny' && before.rule) {
          expect(decide([...list, ...allows], fallback, ask, NOON).effect).toBe('deny');
        }
        const denies = more.map((each) => ({ ...each, effect: 'deny' as const }));
        if (before.effect === 'deny') {
          expect(decide([...list, ...denies], fallback, ask, NOON).effect).toBe('deny');
        }
      }),
    );
  });
  test('who is named nowhere gets the default', () => {
    fc.assert(
      fc.property(rules, effect, question, (list, fallback, ask) => {
        const others = list.map((each) => ({ ...each, subject: 'agent:somebody' }));
        const { effect: outcome, rule: by } = decide(others, fallback, ask, NOON);
        expect([outcome, by]).toEqual([fallback, null]);
      }),
    );
  });
});

describe('what a rule may hold', () => {
  const valid = { name: 'n', subject: 'role:viewer', tool: 'x', effect: 'deny' };
  const fault = (over: object) => {
    const result = ruleSchema.safeParse({ ...valid, ...over });
    return result.success ? null : result.error.issues[0]?.path[0];
  };
  test.each([
    [{ subject: 'viewer' }, 'subject'],
    [{ subject: 'role:' }, 'subject'],
    [{ subject: 'agent:*bot' }, 'subject'],
    [{ subject: 'agent:b\u200bot' }, 'subject'],
    [{ subject: 'agent:e\u0301' }, 'subject'],
    [{ tool: 'a*b' }, 'tool'],
    [{ tool: '' }, 'tool'],
    [{ tool: 'x'.repeat(201) }, 'tool'],
    [{ scope: '**' }, 'scope'],
    [{ name: 'a\u202eb' }, 'name'],
    [{ conditions: { addresses: ['10.0.0.0/33'] } }, 'conditions'],
    [{ conditions: { addresses: ['nowhere'] } }, 'conditions'],
    [
      { conditions: { times: [{ days: [8], from: '08:00', to: '09:00', timeZone: 'UTC' }] } },
      'conditions',
    ],
    [
      { conditions: { times: [{ days: [1], from: '24:00', to: '09:00', timeZone: 'UTC' }] } },
      'conditions',
    ],
    [
      { conditions: { times: [{ days: [1], from: '08:00', to: '09:00', timeZone: 'Mars/Base' }] } },
      'conditions',
    ],
    [{ conditions: { nothing: 1 } }, 'conditions'],
    [{ more: 1 }, undefined],
  ])('not %j', (over, path) => {
    expect(fault(over)).toBe(path);
  });
  test('what the schema lets through can be compiled', () => {
    const addresses = fc.array(
      fc.oneof(
        fc.ipV4(),
        fc.ipV6(),
        fc.tuple(fc.ipV4(), fc.nat(40)).map((each) => each.join('/')),
        fc.tuple(fc.ipV6(), fc.nat(140)).map((each) => each.join('/')),
      ),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(addresses, (list) => {
        const parsed = conditionsSchema.safeParse({ addresses: list });
        if (parsed.success) compile([rule({ effect: 'deny', conditions: parsed.data })], 'allow');
      }),
    );
  });
  test('addresses of people are in lower case', () => {
    expect(ruleSchema.parse({ ...valid, subject: 'user:Ada@Example.com' }).subject).toBe(
      'user:ada@example.com',
    );
  });
});
