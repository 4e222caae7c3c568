'use client';

import { type ReactNode, useRef, useState } from 'react';
import {
  Area,
  Bar,
  CartesianGrid,
  ComposedChart,
  Line,
  ReferenceArea,
  ReferenceLine,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts';
import { formatAxisTime, formatClock, formatInstant } from '../format/time.ts';
import type { ChartRow } from './rows.ts';
import { colorOf, type EventMark, type Series, type Shape, type Threshold } from './series.ts';
import { timeTicks, valueTicks } from './ticks.ts';
import { useZoom } from './zoom.tsx';

export type TimeChartProps = {
  rows: readonly ChartRow[];
  series: readonly Series[];
  format(value: number): string;
  from: number;
  to: number;
  base: 'decimal' | 'binary';
  shape?: Shape | undefined;
  threshold?: Threshold | undefined;
  marks?: readonly EventMark[] | undefined;
  /** Start of a last bucket that is not over: it is dashed. */
  partialAt?: number | null | undefined;
  /** A point was pressed: its time, and the series that is nearest. */
  onPick?: ((at: number, name: string) => void) | undefined;
};

const LONG_MS = 20 * 60_000;
const MIN_DRAG_MS = 3_000;
const READ_AT_ONCE = 12;
const TOP_PX = 6;
const X_AXIS_PX = 22;
const markColours = {
  ok: 'var(--color-ok)',
  bad: 'var(--color-bad)',
  info: 'var(--color-accent-text)',
} as const;
const axis = { stroke: 'var(--color-line-strong)', fontSize: 12 } as const;
const tick = { fill: 'var(--color-muted)', fontSize: 12 } as const;

/** All series at one time; hovering one chart reads the others too. */
function Reading(props: {
  active?: boolean | undefined;
  label?: unknown;
  row: ChartRow | undefined;
  series: readonly Series[];
  format(value: number): string;
  long: boolean;
}) {
  const { active, row, series, format, long } = props;
  if (!active || !row) return null;
  const value = ({ name }: Series) => row.values[name];
  const many = series.length > READ_AT_ONCE;
  const read = many
    ? series
        .filter((each) => typeof value(each) === 'number')
        .toSorted((a, b) => (value(b) ?? 0) - (value(a) ?? 0))
        .slice(0, READ_AT_ONCE)
    : series;
  return (
    <div className="max-w-72 rounded-control border border-line-strong bg-raised px-2.5 py-1.5 text-12 shadow-float">
      <div className="mb-0.5 text-muted tabular-nums">
        {long ? formatInstant(row.at) : formatClock(row.at)}
      </div>
      {read.map((each) => {
        const figure = value(each);
        return (
          <div key={each.name} className="flex items-center gap-2 tabular-nums">
            <span
              aria-hidden
              className="size-2 shrink-0 rounded-full"
              style={{ background: colorOf(each), opacity: each.dashed ? 0.5 : 1 }}
            />
            <span className="min-w-0 flex-1 truncate text-muted">{each.label}</span>
            {row.flags?.includes(each.name) ? <span className="text-bad-text">anomaly</span> : null}
            <span>{typeof figure === 'number' ? (each.format ?? format)(figure) : '–'}</span>
          </div>
        );
      })}
      {many ? <div className="text-muted">and {series.length - read.length} more</div> : null}
    </div>
  );
}

type Pointed = { activeLabel?: unknown; activeCoordinate?: { y: number } | undefined };

/** Drag over a stretch of time to see just that; press without dragging to pick a point. */
function usePointer(pick: (at: number, y: number) => void) {
  const { setSpan } = useZoom();
  // Events come a frame late, so a quick press is over before what it has set is drawn.
  const begun = useRef<number | null>(null);
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const at = (label: unknown) => (label === undefined ? null : Number(label));
  const end = () => {
    begun.current = null;
    setDrag(null);
  };
  return {
    drag,
    handlers: {
      onMouseDown: ({ activeLabel }: Pointed) => {
        begun.current = at(activeLabel);
      },
      onMouseMove: ({ activeLabel }: Pointed) => {
        const here = at(activeLabel);
        const { current: from } = begun;
        if (from !== null && here !== null) setDrag({ from, to: here });
      },
      onMouseUp: ({ activeLabel, activeCoordinate }: Pointed) => {
        const { current: from } = begun;
        const to = at(activeLabel) ?? from;
        if (from !== null && to !== null) {
          if (Math.abs(to - from) >= MIN_DRAG_MS)
            setSpan({ from: Math.min(from, to), to: Math.max(from, to) });
          else if (activeCoordinate) pick(from, activeCoordinate.y);
        }
        end();
      },
      onMouseLeave: end,
    },
  };
}

/** The extremes of what is drawn, bands included. */
function extremes(rows: readonly ChartRow[], series: readonly Series[]) {
  let min = 0;
  let max = 0;
  for (const { values, band } of rows) {
    for (const { name } of series) {
      const value = values[name];
      if (typeof value !== 'number') continue;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    if (band) {
      min = Math.min(min, band[0]);
      max = Math.max(max, band[1]);
    }
  }
  return { min, max };
}

type Accessor = (row: ChartRow) => number | null;
type Drawing = { key: string; shape: Shape; each: Series; value: Accessor; dash?: string };

/** A finished line, and the same line dashed over its last bucket when that is not over. */
function drawingsOf(
  series: readonly Series[],
  shape: Shape,
  rows: readonly ChartRow[],
  partialAt: number | null,
): Drawing[] {
  const before =
    partialAt === null ? null : (rows.findLast(({ at }) => at < partialAt)?.at ?? null);
  return series.flatMap((each): Drawing[] => {
    const own: Accessor = (row) => row.values[each.name] ?? null;
    const all: Accessor = (row) => own(row) ?? row.path?.[each.name] ?? null;
    const key = each.name;
    if (each.dashed) return [{ key, shape: 'line', each, value: all, dash: '4 3' }];
    if (shape === 'bar') return [{ key, shape, each, value: own }];
    if (partialAt === null) return [{ key, shape, each, value: all }];
    return [
      { key, shape, each, value: (row) => (row.at < partialAt ? all(row) : null) },
      {
        key: `${key} partial`,
        shape: 'line',
        each,
        value: (row) => (row.at === before || row.at >= partialAt ? all(row) : null),
        dash: '2 3',
      },
    ];
  });
}

function drawn({ key, shape, each, value, dash }: Drawing, count: number) {
  const stroke = colorOf(each);
  const common = { dataKey: value, name: each.label, isAnimationActive: false };
  if (shape === 'bar') return <Bar key={key} {...common} fill={stroke} stackId="all" />;
  const line = {
    ...common,
    stroke,
    strokeWidth: 1.5,
    strokeOpacity: each.dashed ? 0.6 : 1,
    dot: false,
    activeDot: { r: 3 },
    connectNulls: false,
    ...(dash ? { strokeDasharray: dash } : {}),
  } as const;
  return shape === 'area' ? (
    <Area key={key} {...line} fill={stroke} fillOpacity={Math.min(0.15, 0.4 / count)} />
  ) : (
    <Line key={key} {...line} />
  );
}

/** Only some points of a series: rings around those that are marked, dots for those without a neighbour. */
function pointsOf(
  rows: readonly ChartRow[],
  series: readonly Series[],
  kind: 'flags' | 'alone',
): ReactNode[] {
  const named = new Set(rows.flatMap((row) => row[kind] ?? []));
  return series
    .filter(({ name }) => named.has(name))
    .map((each) => (
      <Line
        key={`${kind} ${each.name}`}
        dataKey={(row: ChartRow) =>
          row[kind]?.includes(each.name) ? (row.values[each.name] ?? null) : null
        }
        name={each.label}
        stroke="none"
        dot={
          kind === 'flags'
            ? { r: 4, stroke: 'var(--color-bad)', strokeWidth: 2, fill: 'none' }
            : each.dashed
              ? { r: 1.5, stroke: 'none', fill: colorOf(each), fillOpacity: 0.6 }
              : { r: 2.5, stroke: 'none', fill: colorOf(each) }
        }
        activeDot={false}
        connectNulls={false}
        isAnimationActive={false}
      />
    ));
}

export default function TimeChart(props: TimeChartProps) {
  const { rows, series, format, from, to, base, threshold, marks, onPick } = props;
  const { shape = 'line', partialAt = null } = props;
  const frame = useRef<HTMLDivElement>(null);
  const { min, max } = extremes(rows, series);
  const ticks = valueTicks(max, base, min);
  const low = ticks[0] ?? 0;
  const high = ticks.at(-1) ?? 1;
  const { drag, handlers } = usePointer((at, y) => {
    const height = (frame.current?.clientHeight ?? 0) - TOP_PX - X_AXIS_PX;
    const row = rows.find((each) => each.at === at);
    if (!onPick || !row || height <= 0) return;
    const aimed = high - ((y - TOP_PX) / height) * (high - low);
    const nearest = series
      .filter((each) => !each.dashed && typeof row.values[each.name] === 'number')
      .toSorted((a, b) => off(row, a, aimed) - off(row, b, aimed))[0];
    if (nearest) onPick(at, nearest.name);
  });
  return (
    <div ref={frame} className={onPick ? 'h-full cursor-crosshair' : 'h-full'}>
      <ResponsiveContainer width="100%" height="100%">
        <ComposedChart
          data={[...rows]}
          margin={{ top: TOP_PX, right: 8, bottom: 0, left: 0 }}
          syncId="page"
          syncMethod="value"
          accessibilityLayer={false}
          {...handlers}
        >
          <CartesianGrid vertical={false} stroke="var(--color-line)" />
          <XAxis
            dataKey="at"
            type="number"
            domain={[from, to]}
            allowDataOverflow
            ticks={timeTicks(from, to)}
            tickFormatter={(value: number) => formatAxisTime(value, to - from)}
            tickLine={false}
            axisLine={axis}
            tick={tick}
            height={X_AXIS_PX}
          />
          <YAxis
            domain={[low, high]}
            ticks={ticks}
            tickFormatter={format}
            interval={0}
            width={72}
            tickLine={false}
            axisLine={false}
            tick={tick}
          />
          <Tooltip
            isAnimationActive={false}
            cursor={{ stroke: 'var(--color-line-control)' }}
            content={({ active, label }) => (
              <Reading
                active={active}
                row={rows.find((row) => row.at === label)}
                series={series}
                format={format}
                long={to - from > LONG_MS}
              />
            )}
          />
          {marks?.map((mark) => (
            <ReferenceLine
              key={`${mark.at}${mark.label}`}
              x={mark.at}
              stroke={markColours[mark.tone]}
              strokeDasharray="2 3"
            />
          ))}
          {threshold ? (
            <ReferenceLine y={threshold.value} stroke="var(--color-warn)" strokeDasharray="4 3" />
          ) : null}
          {drag ? (
            <ReferenceArea
              x1={drag.from}
              x2={drag.to}
              fill="var(--color-accent)"
              fillOpacity={0.15}
            />
          ) : null}
          {rows.some(({ band }) => band) ? (
            <Area
              dataKey={(row: ChartRow) => (row.band ? [...row.band] : null)}
              name="Expected"
              stroke="none"
              fill="var(--color-mark)"
              fillOpacity={0.15}
              activeDot={false}
              connectNulls={false}
              isAnimationActive={false}
            />
          ) : null}
          {drawingsOf(series, shape, rows, partialAt).map((each) => drawn(each, series.length))}
          {shape === 'bar' ? null : pointsOf(rows, series, 'alone')}
          {pointsOf(rows, series, 'flags')}
        </ComposedChart>
      </ResponsiveContainer>
    </div>
  );
}

const off = (row: ChartRow, { name }: Series, aimed: number) =>
  Math.abs((row.values[name] ?? 0) - aimed);
