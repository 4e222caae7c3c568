import { expect, test } from 'vitest';
import type { Column } from './columns.ts';
import { toCsv } from './csv.ts';

type Row = { name: string; count: number | null };
const columns: readonly Column<Row>[] = [
  { id: 'name', header: 'Name', cell: () => null, csv: ({ name }) => name },
  { id: 'count', header: 'Count', cell: () => null, csv: ({ count }) => count },
  { id: 'actions', header: 'Actions', cell: () => null },
];
const cell = (name: string) => toCsv(columns, [{ name, count: 1 }]).split('\r\n')[1];

test('names, numbers and what is absent; columns without a value are left out', () => {
  const rows = [
    { name: 'a', count: -1.5 },
    { name: 'b', count: null },
  ];
  expect(toCsv(columns, rows)).toBe('Name,Count\r\na,-1.5\r\nb,\r\n');
});
test('commas, quotes and lines stay within their cell', () => {
  expect(cell('a,"b"')).toBe('"a,""b""",1');
  expect(toCsv(columns, [{ name: 'a\r\nb', count: 1 }])).toBe('Name,Count\r\n"a\r\nb",1\r\n');
});
test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '=HYPERLINK("http://evil.example","x")'])(
  'a spreadsheet does not take %j for a formula',
  (name) => {
    expect(cell(name)?.replace(/^"/, '').startsWith("'")).toBe(true);
  },
);
