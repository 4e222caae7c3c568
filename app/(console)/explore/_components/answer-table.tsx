'use client';

import { useMemo } from 'react';
import type { Column } from '../../../../components/data/columns.ts';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { formatInstant } from '../../../../components/format/time.ts';
import { type FlatRow, flatten } from '../../../../components/metrics/lines.ts';
import { formatOf, unitOf } from '../../../../components/metrics/units.ts';
import type { QueryResult } from '../../../../server/metrics/contract.ts';

/** Labels and aggregations that the answer has, as columns; numbers as they are in the file. */
export function answerColumns(
  result: QueryResult,
  metric: string,
  unit: string,
): Column<FlatRow>[] {
  const labels = [...new Set(result.series.flatMap((series) => Object.keys(series.labels)))].sort();
  const aggregations = [
    ...new Set(
      result.series.flatMap(({ points }) => points.flatMap(({ values }) => Object.keys(values))),
    ),
  ];
  return [
    {
      id: 'at',
      header: 'Time',
      width: '210px',
      sort: ({ at }) => at,
      csv: ({ at }) => at,
      cell: ({ at }) => <time dateTime={at}>{formatInstant(at)}</time>,
    },
    ...labels.map(
      (name): Column<FlatRow> => ({
        id: `label-${name}`,
        header: name,
        sort: (row) => row.labels[name] ?? '',
        csv: (row) => row.labels[name] ?? '',
        cell: (row) => <span title={row.labels[name]}>{row.labels[name] || '–'}</span>,
      }),
    ),
    ...aggregations.map((name): Column<FlatRow> => {
      const format = formatOf(name === 'anomaly' ? 'number' : unitOf(metric, unit, name));
      return {
        id: name,
        header: name,
        align: 'right',
        sort: (row) => row.values[name] ?? null,
        csv: (row) => row.values[name] ?? null,
        cell: (row) => {
          const value = row.values[name];
          return typeof value === 'number' ? format(value) : '–';
        },
      };
    }),
  ];
}

/** The answer as rows, newest first; a row opens the samples behind it. */
export default function AnswerTable(props: {
  result: QueryResult;
  metric: string;
  unit: string;
  onPick(at: number, labels: Readonly<Record<string, string>>): void;
}) {
  const { result, metric, unit, onPick } = props;
  const columns = useMemo(() => answerColumns(result, metric, unit), [result, metric, unit]);
  const rows = useMemo(() => flatten(result), [result]);
  return (
    <LazyTable
      label={metric}
      columns={columns}
      rows={rows}
      rowId={({ id }) => id}
      onOpen={({ at, labels }) => onPick(Date.parse(at), labels)}
    />
  );
}
