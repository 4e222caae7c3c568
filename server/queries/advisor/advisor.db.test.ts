/** The advisor on whole situations, with HypoPG (PostgreSQL 15) and without (the server of the suite), by way of the command line's code. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evaluateQueries } from '../../cli/evaluate-queries.ts';
import { testDatabase, testFolder } from '../../platform/testing/index.ts';
import { startPostgres15, type TestPostgres } from '../../platform/testing/postgres15.ts';
import { createWorkers } from '../../platform/workers/index.ts';
import type { Advice } from '../contract.ts';
import { createStatements } from '../statement/service.ts';

type Wanted = Record<string, unknown> & { kind: string; names?: string[] };
type Case = {
  id: string;
  base?: string;
  setup?: string[];
  expect: {
    advice?: { anyOf: Wanted[] }[];
    partial?: Wanted[];
    forbid?: Wanted[];
    allow?: Wanted[];
  };
};
const { bases, cases }: { bases: Record<string, string[]>; cases: Case[] } = JSON.parse(
  readFileSync(path.join(import.meta.dirname, '../testdata/cases.json'), 'utf8'),
);

const norm = (value: unknown): string =>
  String(value)
    .toLowerCase()
    .replace(/::[a-z ]+/g, '')
    .replace(/["\s]/g, '')
    .replace(/^\((.*)\)$/, '$1');
const flipped = (order: readonly string[]) =>
  order.map((each) => (each === 'DESC' ? 'ASC' : 'DESC'));

function isIndex(wanted: Wanted, given: Advice): boolean {
  if (given.kind !== 'create_index' || norm(wanted['table']) !== norm(given.table)) return false;
  const { columns, method = 'btree', opclass, where, order } = wanted;
  if (columns === '*') return true;
  if (!Array.isArray(columns) || columns.map(norm).join() !== given.columns.map(norm).join())
    return false;
  if (method !== given.method || norm(where ?? '') !== norm(given.where ?? '')) return false;
  if (opclass === null ? given.opclass : opclass && norm(opclass) !== norm(given.opclass ?? ''))
    return false;
  if (!Array.isArray(order)) return true;
  const found = given.order ?? columns.map(() => 'ASC');
  return [order.join(), flipped(order).join()].includes(found.join());
}

function matches(wanted: Wanted, given: Advice): boolean {
  if (wanted.kind !== given.kind) return false;
  if (given.kind === 'create_index') return isIndex(wanted, given);
  const fields: Record<string, unknown> = { ...given };
  return Object.entries(wanted).every(
    ([name, value]) => name === 'kind' || norm(value) === norm(fields[name] ?? ''),
  );
}

/** What is wrong with the answer: expected and missing, forbidden, or an index that nobody asked for. */
function faults(
  { advice = [], partial = [], forbid = [], allow = [] }: Case['expect'],
  given: readonly Advice[],
) {
  const known = [...advice.flatMap(({ anyOf }) => anyOf), ...partial, ...allow];
  return [
    ...advice
      .filter(({ anyOf }) => !anyOf.some((wanted) => given.some((each) => matches(wanted, each))))
      .map(({ anyOf }) => ({ missing: anyOf[0] })),
    ...forbid
      .filter(({ names, ...wanted }) =>
        names
          ? names.every((name) => given.some((each) => matches({ ...wanted, name }, each)))
          : given.some((each) => matches(wanted, each)),
      )
      .map((forbidden) => ({ forbidden })),
    ...given
      .filter(
        (each) =>
          /^(create|drop)_index$/.test(each.kind) && !known.some((wanted) => matches(wanted, each)),
      )
      .map(({ kind, ddl }) => ({ needless: `${kind} ${ddl}` })),
  ];
}

const folder = testFolder();
const workers = createWorkers({ maxThreads: 1 });
afterAll(() => workers.close());
const { read } = createStatements({ workers });
async function answer(given: Case, url: string): Promise<Advice[]> {
  const file = path.join(folder, `${given.id}.json`);
  const setup = [...(given.base ? (bases[given.base] ?? []) : []), ...(given.setup ?? [])];
  writeFileSync(file, JSON.stringify({ ...given, setup }));
  return (await evaluateQueries(file, url, read)).advice;
}

describe('with HypoPG', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres15();
  });
  afterAll(() => server.stop());
  test.each(cases)('$id', async (given) => {
    const url = await server.database(`c_${given.id.replaceAll('-', '_')}`, []);
    const advice = await answer(given, url);
    expect(faults(given.expect, advice)).toEqual([]);
    for (const each of advice) {
      expect(each.reason).toMatch(/\S/);
      if (each.kind !== 'create_index' || each.method !== 'btree' || !each.evidence) continue;
      if (given.id !== 'partitioned') expect(each.evidence.method).toBe('hypopg');
      expect(each.evidence.costAfter).toBeLessThan(each.evidence.costBefore * 0.7);
    }
  });
});

describe('by statistics alone', () => {
  // Of each kind one: what the planner confirms there is estimated here.
  const some = new Set(
    'order-only eq-range or-both partial-constant expression-lower skew-rare existing-good not-redundant hot-update  fk-delete'.split(
      ' ',
    ),
  );
  test.each(cases.filter(({ id }) => some.has(id)))('$id', async (given) => {
    const advice = await answer(given, await testDatabase({ empty: true }));
    expect(faults(given.expect, advice)).toEqual([]);
    for (const each of advice)
      if (each.kind === 'create_index') expect(each.evidence?.method).toBe('statistics');
  });
});

test('a case that is none is refused with the name of what is wrong', async () => {
  const file = path.join(folder, 'bad.json');
  const url = await testDatabase({ empty: true });
  writeFileSync(file, '{"workload":[{"name":"q","sql":7}]}');
  await expect(evaluateQueries(file, url, read)).rejects.toThrow(/workload\[?\.?0\]?\.sql/);
  writeFileSync(file, '{');
  await expect(evaluateQueries(file, url, read)).rejects.toThrow('is no JSON');
  writeFileSync(file, '{"setup":["CREATE TABEL x()"]}');
  await expect(evaluateQueries(file, url, read)).rejects.toThrow(/setup\.0: syntax error/);
  await expect(evaluateQueries(file, 'mysql://x', read)).rejects.toThrow('--database');
  await expect(evaluateQueries(path.join(folder, 'nowhere.json'), url, read)).rejects.toThrow(
    'ENOENT',
  );
});
