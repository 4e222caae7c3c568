/** From the answer of a query to what a chart, a legend and a table show. Pure. */
import type { QueryResult, ResultSeries } from '../../server/metrics/contract.ts';
import type { ChartRow } from '../charts/rows.ts';
import type { Series } from '../charts/series.ts';
import type { Unit } from './units.ts';
import { formatOf, unitOf } from './units.ts';

export const MAX_LINES = 50;
export const ANOMALY_FROM = 0.5;
const COLOURS = 8;

export type Line = Series & {
  aggregation: string;
  unit: Unit;
  labels: Readonly<Record<string, string>>;
  stats: Stats | null;
};
export type Stats = { last: number; min: number; avg: number; max: number };
export type Drawn = {
  lines: Line[];
  rows: ChartRow[];
  /** Lines that there are and that are not drawn. */
  left: number;
  /** Start of a last bucket that is not over. */
  partialAt: number | null;
};

const collator = new Intl.Collator('en', { numeric: true });

/** `{a="b"}` without its noise: `b` for one label, `a b` pairs for more. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  const entries = Object.entries(labels);
  if (entries.length === 0) return '';
  if (entries.length === 1) return entries[0]?.[1] || '(none)';
  return entries.map(([name, value]) => `${name}=${value || '(none)'}`).join(', ');
}

const keyOf = (labels: Readonly<Record<string, string>>) =>
  JSON.stringify(Object.entries(labels).sort(([a], [b]) => collator.compare(a, b)));

function statsOf(values: readonly (number | null | undefined)[]): Stats | null {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let known = 0;
  let last = 0;
  for (const value of values) {
    if (typeof value !== 'number') continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    known++;
    last = value;
  }
  return known === 0 ? null : { last, min, avg: sum / known, max };
}

type Candidate = { series: ResultSeries; aggregation: string; stats: Stats | null };

/** Aggregations that are lines; the anomaly is marks and a band. */
function candidatesOf(result: QueryResult): Candidate[] {
  return result.series.flatMap((series) => {
    const names = new Set(series.points.flatMap(({ values }) => Object.keys(values)));
    names.delete('anomaly');
    return [...names].map((aggregation) => ({
      series,
      aggregation,
      stats: statsOf(series.points.map(({ values }) => values[aggregation])),
    }));
  });
}

type DrawInput = {
  result: QueryResult;
  metric: string;
  /** Unit that the catalog names. */
  unit: string;
  /** The same query over the stretch before. */
  before?: { result: QueryResult; shiftMs: number } | null;
};

/**
 * Lines in the order of their names, so that each keeps its colour while figures come and go. Past fifty those with
 * the largest figures are drawn.
 */
export function draw({ result, metric, unit, before }: DrawInput): Drawn {
  const all = candidatesOf(result);
  const chosen =
    all.length > MAX_LINES
      ? all
          .toSorted((a, b) => Math.abs(b.stats?.max ?? 0) - Math.abs(a.stats?.max ?? 0))
          .slice(0, MAX_LINES)
      : all;
  const several = new Set(chosen.map(({ aggregation }) => aggregation)).size > 1;
  const ordered = chosen
    .map((each) => ({ ...each, text: labelText(each.series.labels) }))
    .toSorted((a, b) => collator.compare(a.text, b.text));
  const cells = new Map<number, Cell>();
  const cellAt = (at: number): Cell => {
    const cell = cells.get(at) ?? { at, values: {}, band: null, flags: [] };
    cells.set(at, cell);
    return cell;
  };
  const lines = ordered.map(({ series, aggregation, stats, text }, index): Line => {
    const name = `${keyOf(series.labels)} ${aggregation}`;
    const of = unitOf(metric, unit, aggregation);
    for (const point of series.points)
      cellAt(Date.parse(point.at)).values[name] = point.values[aggregation] ?? null;
    return {
      name,
      label: [text, several || text === '' ? aggregation : ''].filter(Boolean).join(' · '),
      color: colourOf(index),
      format: formatOf(of),
      aggregation,
      unit: of,
      labels: series.labels,
      stats,
    };
  });
  markAnomalies(result, lines, cellAt);
  if (before) addBefore(before, lines, cellAt);
  const rows = [...cells.values()].sort((a, b) => a.at - b.at);
  const stepMs = result.stepSeconds === null ? null : result.stepSeconds * 1000;
  const last = rows.at(-1)?.at ?? null;
  return {
    lines: before ? [...lines, ...lines.map(asBefore)] : lines,
    rows: drawable(rows, stepMs),
    left: all.length - chosen.length,
    partialAt:
      last !== null && stepMs !== null && last + stepMs > Date.parse(result.to) ? last : null,
  };
}

type Cell = {
  at: number;
  values: Record<string, number | null>;
  band: [number, number] | null;
  flags: string[];
};

// 1 to 8, over and over.
const colourOf = (index: number) => ((index % COLOURS) + 1) as Series['color'];

const beforeName = (name: string) => `before ${name}`;
const asBefore = (line: Line): Line => ({
  ...line,
  name: beforeName(line.name),
  label: `${line.label} before`,
  dashed: true,
  stats: null,
});

function addBefore(
  before: { result: QueryResult; shiftMs: number },
  lines: readonly Line[],
  cellAt: (at: number) => Cell,
): void {
  const wanted = new Set(lines.map(({ name }) => name));
  for (const series of before.result.series) {
    for (const point of series.points) {
      for (const [aggregation, value] of Object.entries(point.values)) {
        const name = `${keyOf(series.labels)} ${aggregation}`;
        if (!wanted.has(name)) continue;
        cellAt(Date.parse(point.at) + before.shiftMs).values[beforeName(name)] = value;
      }
    }
  }
}

/** Marks on the line that the scores are about, and a band when there is only one. */
function markAnomalies(
  result: QueryResult,
  lines: readonly Line[],
  cellAt: (at: number) => Cell,
): void {
  for (const series of result.series) {
    const base = lines.find(
      (line) =>
        line.labels === series.labels &&
        line.aggregation !== 'movingAverage' &&
        line.aggregation !== 'trend',
    );
    if (!base) continue;
    for (const { at, values, expected } of series.points) {
      const cell = cellAt(Date.parse(at));
      if ((values.anomaly ?? 0) >= ANOMALY_FROM) cell.flags.push(base.name);
      if (expected && result.series.length === 1) cell.band = [expected.lower, expected.upper];
    }
  }
}

/** How far apart the points of a line usually are: samples may be rarer than steps. */
function spacingOf(times: readonly number[], stepMs: number): number {
  const apart = times.slice(1).map((at, index) => at - (times[index] ?? at));
  return Math.max(stepMs, apart.sort((a, b) => a - b)[apart.length >> 1] ?? 0);
}

/**
 * What a line needs to be drawn through rows that it shares with others: a row without figures where all pause, the
 * way between two points of a line across rows of others, and a mark where a point stands alone.
 */
function drawable(cells: readonly Cell[], stepMs: number | null): ChartRow[] {
  const names = new Set(cells.flatMap(({ values }) => Object.keys(values)));
  const paths = cells.map((): Record<string, number> => ({}));
  const alone = cells.map((): string[] => []);
  let closest = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const places = cells.flatMap(({ values }, index) =>
      typeof values[name] === 'number' ? [index] : [],
    );
    const atOf = (place: number | undefined) => cells[place ?? -1]?.at ?? Number.NaN;
    const limit = stepMs === null ? 0 : 1.5 * spacingOf(places.map(atOf), stepMs);
    closest = Math.min(closest, limit);
    for (const [i, place] of places.entries()) {
      const next = places[i + 1];
      const joined = next !== undefined && atOf(next) - atOf(place) <= limit;
      const before = i > 0 && atOf(place) - atOf(places[i - 1]) <= limit;
      if (!joined && !before) alone[place]?.push(name);
      if (!joined) continue;
      const from = cells[place]?.values[name] ?? 0;
      const to = cells[next]?.values[name] ?? 0;
      for (let between = place + 1; between < next; between++) {
        const share = (atOf(between) - atOf(place)) / (atOf(next) - atOf(place));
        const path = paths[between];
        if (path) path[name] = from + share * (to - from);
      }
    }
  }
  return cells.flatMap((cell, index): ChartRow[] => {
    const row = { ...cell, path: paths[index] ?? {}, alone: alone[index] ?? [] };
    const previous = cells[index - 1];
    return previous && stepMs !== null && cell.at - previous.at > closest
      ? [{ at: previous.at + stepMs, values: {} }, row]
      : [row];
  });
}

export type FlatRow = {
  id: string;
  at: string;
  labels: Readonly<Record<string, string>>;
  values: Readonly<Record<string, number | null>>;
};

/** One row a point, for the table and for files. */
export function flatten(result: QueryResult): FlatRow[] {
  return result.series
    .flatMap((series, index) =>
      series.points.map(({ at, values }) => ({
        id: `${at} ${index}`,
        at,
        labels: series.labels,
        values,
      })),
    )
    .sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
}
