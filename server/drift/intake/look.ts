/** What the columns of a file seem to hold, from its first rows. Pure. */
import { numberOf, timeOf } from './sniff.ts';

export type ColumnLook = {
  name: string;
  /** mixed: numbers and texts. */
  type: 'numeric' | 'categorical' | 'time' | 'mixed' | 'empty';
  missing: number;
  notNumeric: number;
  /** Different values; more than 1 000 are not told apart. */
  distinct: number;
  examples: string[];
};
type Tally = {
  name: string;
  missing: number;
  numbers: number;
  texts: number;
  times: number;
  distinct: Set<string>;
};
const MAX_DISTINCT = 1_000;
const MAX_EXAMPLES = 4;

export function createLook(decimal: '.' | ',') {
  const tallies: Tally[] = [];
  let rows = 0;
  return {
    columns(names: readonly string[]): void {
      for (const name of names.slice(tallies.length)) {
        // A name that comes late was missing before.
        tallies.push({ name, missing: rows, numbers: 0, texts: 0, times: 0, distinct: new Set() });
      }
    },
    row(cells: readonly unknown[]): void {
      rows++;
      tallies.forEach((tally, place) => {
        const cell = cells[place];
        const text =
          cell === null || cell === undefined
            ? ''
            : typeof cell === 'string'
              ? cell
              : JSON.stringify(cell);
        const number = typeof cell === 'number' ? cell : numberOf(text, decimal);
        if (text.trim() === '' || Number.isNaN(number)) {
          tally.missing++;
          return;
        }
        if (number === null) tally.texts++;
        else tally.numbers++;
        if (timeOf(cell) !== null) tally.times++;
        if (tally.distinct.size < MAX_DISTINCT) tally.distinct.add(text.slice(0, 100));
      });
    },
    rows: () => rows,
    finish: (): ColumnLook[] =>
      tallies.map(({ name, missing, numbers, texts, times, distinct }) => {
        const present = numbers + texts;
        const type =
          present === 0
            ? 'empty'
            : times === present && (texts > 0 || /time|date|^at$|stamp/i.test(name))
              ? 'time'
              : texts === 0
                ? 'numeric'
                : numbers > 0.5 * present
                  ? 'mixed'
                  : 'categorical';
        return {
          name,
          type,
          missing,
          notNumeric: type === 'mixed' ? texts : 0,
          distinct: distinct.size,
          examples: [...distinct].slice(0, MAX_EXAMPLES),
        };
      }),
  };
}
