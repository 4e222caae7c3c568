import { type ChartRow, summarise } from './rows.ts';
import { colorOf, type Series, type Threshold } from './series.ts';

const columns = ['min', 'avg', 'max', 'last'] as const;

/** Least, mean, most and last of each series. */
export function ChartLegend(props: {
  rows: readonly ChartRow[];
  series: readonly Series[];
  format(value: number): string;
  threshold?: Threshold | undefined;
}) {
  const { rows, series, format, threshold } = props;
  return (
    <>
      <table className="mt-2 w-full table-fixed text-12 tabular-nums">
        <thead className="text-muted">
          <tr>
            <th scope="col" className="w-1/3 font-normal">
              <span className="sr-only">Series</span>
            </th>
            {columns.map((column) => (
              <th key={column} scope="col" className="text-right font-normal">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {series.map((each) => {
            const figures = summarise(rows, each.name);
            return (
              <tr key={each.name} className="h-5">
                <th scope="row" className="truncate text-left font-normal">
                  <span
                    aria-hidden
                    className="mr-2 inline-block h-0.5 w-3 align-middle"
                    style={{ background: colorOf(each) }}
                  />
                  {each.label}
                </th>
                {columns.map((column) => (
                  <td key={column} className="truncate text-right">
                    {figures ? format(figures[column]) : '–'}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
      {threshold ? (
        <p className="mt-1 text-12 text-muted">
          <span
            aria-hidden
            className="mr-2 inline-block w-3 border-warn border-t-2 border-dashed align-middle"
          />
          {threshold.label}
        </p>
      ) : null}
    </>
  );
}
