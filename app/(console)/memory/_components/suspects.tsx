import { formatBytes } from '../../../../components/format/bytes.ts';
import { formatNumber } from '../../../../components/format/number.ts';
import type { ExaminationItem, FindingItem } from '../../../../server/memory/contract.ts';

const SHOWN = 8;
type Row = readonly [name: string, ...figures: string[]];

function Rows(props: { label: string; heads: readonly string[]; rows: readonly Row[] }) {
  const [first, ...more] = props.heads;
  return (
    <table className="w-full table-fixed text-13">
      <caption className="mb-1 text-left font-medium text-13">{props.label}</caption>
      <thead>
        <tr className="text-12 text-muted">
          <th scope="col" className="py-1 text-left font-normal">
            {first}
          </th>
          {more.map((head) => (
            <th key={head} scope="col" className="w-24 py-1 text-right font-normal">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {props.rows.map(([name, ...figures], index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two functions may have one name; the list is not reordered
          <tr key={index} className="border-t">
            <td className="break-words py-1.5 pr-3 font-mono text-12">{name}</td>
            {figures.map((figure, at) => (
              <td key={more[at]} className="py-1.5 text-right align-top tabular-nums">
                {figure}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Classes that gained objects while allocations were watched. */
export function Growth({ classes }: Pick<FindingItem, 'classes'>) {
  if (classes.length === 0) return null;
  return (
    <Rows
      label="Classes that gained objects"
      heads={['Class', 'Before', 'After']}
      rows={classes
        .slice(0, SHOWN)
        .map(({ name, before, after }) => [name, formatNumber(before), formatNumber(after)])}
    />
  );
}

/** Functions that allocated what is still alive. */
export function Makers({ functions }: Pick<FindingItem, 'functions'>) {
  if (functions.length === 0) return null;
  return (
    <Rows
      label="Functions whose allocations stay"
      heads={['Function', 'Alive']}
      rows={functions
        .slice(0, SHOWN)
        .map(({ name, file, line, bytes }) => [
          file === '' ? name : `${name} ${file}:${line}`,
          formatBytes(bytes),
        ])}
    />
  );
}

/** Classes of a snapshot, with what they gained since the one before. */
export function Largest({
  largest,
  comparedWith,
}: Pick<ExaminationItem, 'largest' | 'comparedWith'>) {
  if (largest.length === 0) return null;
  const change = (now: number, before: number | null) =>
    before === null ? '–' : `${now > before ? '+' : ''}${formatNumber(now - before)}`;
  return (
    <Rows
      label="Largest classes of the snapshot"
      heads={comparedWith ? ['Class', 'Objects', 'Bytes', 'Change'] : ['Class', 'Objects', 'Bytes']}
      rows={largest.slice(0, SHOWN).map(({ name, count, bytes, countBefore }): Row => {
        const row: Row = [name, formatNumber(count), formatBytes(bytes)];
        return comparedWith ? [...row, change(count, countBefore)] : row;
      })}
    />
  );
}
