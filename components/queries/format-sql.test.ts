import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatSql } from './format-sql.ts';

test.each([
  [
    'select a, b from t where a = 1 and b between 2 and 3 or c group by a order by b limit 5',
    'select a, b\nfrom t\nwhere a = 1\n  and b between 2 and 3\n  or c\ngroup by a\norder by b\nlimit 5',
  ],
  [
    'SELECT * FROM a LEFT OUTER JOIN b ON a.x = b.x JOIN c USING (y)',
    'SELECT *\nFROM a\nLEFT OUTER JOIN b ON a.x = b.x\nJOIN c USING (y)',
  ],
  [
    'SELECT \' from where \' || "from" FROM t WHERE x IN (SELECT y FROM z WHERE w)',
    'SELECT \' from where \' || "from"\nFROM t\nWHERE x IN (SELECT y FROM z WHERE w)',
  ],
  [
    'UPDATE t SET a = 1, b = 2 WHERE c RETURNING d',
    'UPDATE t\nSET a = 1, b = 2\nWHERE c\nRETURNING d',
  ],
  ['', ''],
])('%s', (given, expected) => {
  expect(formatSql(given)).toBe(expected);
});

test('only spaces change', () => {
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.constantFrom(
          ...'ab( )\'"$-/*;=\n,fromwhe'.split(''),
          ' from ',
          ' and ',
          ' where ',
        ),
      }),
      (sql) => {
        expect(formatSql(sql).replace(/\s+/g, '')).toBe(sql.replace(/\s+/g, ''));
      },
    ),
  );
});
