import { formatClock } from '../format/time.ts';
import { ScrollRegion } from '../ui/scroll-region.tsx';
import type { ChartRow } from './rows.ts';
import type { Series } from './series.ts';

const SHOWN = 60;

/** The newest figures first. */
export function ChartTable(props: {
  title: string;
  rows: readonly ChartRow[];
  series: readonly Series[];
  format(value: number): string;
}) {
  const { title, rows, series, format } = props;
  return (
    <ScrollRegion aria-label={`${title} as a table`} className="h-full overflow-auto">
      <table className="w-full text-12 tabular-nums">
        <thead className="sticky top-0 bg-surface text-muted">
          <tr>
            <th scope="col" className="text-left font-normal">
              Time
            </th>
            {series.map(({ name, label }) => (
              <th key={name} scope="col" className="text-right font-normal">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows
            .slice(-SHOWN)
            .reverse()
            .map((row) => (
              <tr key={row.at} className="h-5">
                <th scope="row" className="text-left font-normal">
                  {formatClock(row.at)}
                </th>
                {series.map(({ name }) => {
                  const value = row.values[name];
                  return (
                    <td key={name} className="text-right">
                      {typeof value === 'number' ? format(value) : '–'}
                    </td>
                  );
                })}
              </tr>
            ))}
        </tbody>
      </table>
    </ScrollRegion>
  );
}
