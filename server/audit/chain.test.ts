import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ChainEntry, canonicalJson, chainHash, GENESIS } from '../platform/audit.ts';
import { type StoredEntry, verifyChain } from './chain.ts';

const genesis = { seq: 0, hash: GENESIS.toString('hex') };
function chain(length: number): StoredEntry[] {
  let previous: Buffer = GENESIS;
  return Array.from({ length }, (_, i) => {
    const entry: ChainEntry = {
      seq: i + 1,
      id: `id-${i}`,
      at: '2026-01-01T00:00:00.000Z',
      actorKind: 'user',
      actorId: 'u',
      actorName: 'Ada',
      action: 'users.setRole',
      targetKind: 'user',
      targetId: `t-${i}`,
      targetName: null,
      before: { role: 'viewer', n: i },
      after: { role: 'admin' },
      rule: 'role:admin',
      requestId: null,
    };
    const stored = { entry, previousHash: previous.toString('hex'), hash: '' };
    previous = chainHash(previous, entry);
    return { ...stored, hash: previous.toString('hex') };
  });
}

test('a whole chain is whole, in one piece or in many', () => {
  const entries = chain(30);
  expect(verifyChain(genesis, entries)).toEqual({
    ok: true,
    state: { seq: 30, hash: entries[29]?.hash },
  });
  const first = verifyChain(genesis, entries.slice(0, 11));
  expect(first.ok && verifyChain(first.state, entries.slice(11)).ok).toBe(true);
});
test('any changed field is found, at its place', () => {
  const fields = Object.keys(chain(1)[0]?.entry ?? {}).filter((name) => name !== 'seq');
  fc.assert(
    fc.property(fc.constantFrom(...fields), fc.nat({ max: 9 }), fc.string(), (name, at, value) => {
      const entries = chain(10);
      const target = entries[at];
      if (!target) return false;
      entries[at] = { ...target, entry: { ...target.entry, [name]: `${value}*` } };
      const result = verifyChain(genesis, entries);
      return !result.ok && result.seq === at + 1;
    }),
  );
});
test('a removed, doubled or swapped entry is found', () => {
  for (let at = 0; at < 9; at++) {
    const [removed, doubled, swapped] = [chain(10), chain(10), chain(10)];
    removed.splice(at, 1);
    expect(verifyChain(genesis, removed).ok).toBe(false);
    const twice = doubled[at];
    if (twice) doubled.splice(at, 0, twice);
    expect(verifyChain(genesis, doubled).ok).toBe(false);
    swapped.splice(at, 2, ...swapped.slice(at, at + 2).reverse());
    expect(verifyChain(genesis, swapped).ok).toBe(false);
  }
});
test('canonical JSON does not depend on the order of keys, and survives a trip through JSON', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const turned = Object.fromEntries(Object.entries(value).reverse());
      const text = canonicalJson(value);
      return (
        canonicalJson(turned) === text && canonicalJson(JSON.parse(JSON.stringify(value))) === text
      );
    }),
  );
});
