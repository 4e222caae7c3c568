'use client';

import { useState } from 'react';
import {
  CartesianGrid,
  Line,
  LineChart,
  ReferenceArea,
  ReferenceLine,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts';
import { formatAxisTime, formatClock, formatInstant } from '../format/time.ts';
import type { ChartRow } from './rows.ts';
import { colorOf, type EventMark, type Series, type Threshold } from './series.ts';
import { timeTicks, valueTicks } from './ticks.ts';
import { useZoom } from './zoom.tsx';

export type TimeChartProps = {
  rows: readonly ChartRow[];
  series: readonly Series[];
  format(value: number): string;
  from: number;
  to: number;
  base: 'decimal' | 'binary';
  threshold?: Threshold | undefined;
  marks?: readonly EventMark[] | undefined;
};

const LONG_MS = 20 * 60_000;
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
  return (
    <div className="rounded-control border border-line-strong bg-raised px-2.5 py-1.5 text-12 shadow-float">
      <div className="mb-0.5 text-muted tabular-nums">
        {long ? formatInstant(row.at) : formatClock(row.at)}
      </div>
      {series.map((each) => {
        const value = row.values[each.name];
        return (
          <div key={each.name} className="flex items-center gap-2 tabular-nums">
            <span
              aria-hidden
              className="size-2 rounded-full"
              style={{ background: colorOf(each) }}
            />
            <span className="flex-1 text-muted">{each.label}</span>
            <span>{typeof value === 'number' ? format(value) : '–'}</span>
          </div>
        );
      })}
    </div>
  );
}

/** Drag over a stretch of time to see just that. */
function useBrush() {
  const { setSpan } = useZoom();
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const at = (label: unknown) => (label === undefined ? null : Number(label));
  return {
    drag,
    handlers: {
      onMouseDown: ({ activeLabel }: { activeLabel?: unknown }) => {
        const start = at(activeLabel);
        if (start !== null) setDrag({ from: start, to: start });
      },
      onMouseMove: ({ activeLabel }: { activeLabel?: unknown }) => {
        const here = at(activeLabel);
        if (drag && here !== null) setDrag({ from: drag.from, to: here });
      },
      onMouseUp: () => {
        if (drag && Math.abs(drag.to - drag.from) >= 3_000) {
          setSpan({ from: Math.min(drag.from, drag.to), to: Math.max(drag.from, drag.to) });
        }
        setDrag(null);
      },
      onMouseLeave: () => setDrag(null),
    },
  };
}

function greatest(rows: readonly ChartRow[], series: readonly Series[]): number {
  return Math.max(0, ...series.flatMap(({ name }) => rows.map(({ values }) => values[name] ?? 0)));
}

export default function TimeChart(props: TimeChartProps) {
  const { rows, series, format, from, to, base, threshold, marks } = props;
  const ticks = valueTicks(greatest(rows, series), base);
  const { drag, handlers } = useBrush();
  return (
    <ResponsiveContainer width="100%" height="100%">
      <LineChart
        data={[...rows]}
        margin={{ top: 6, right: 8, bottom: 0, left: 0 }}
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
          height={22}
        />
        <YAxis
          domain={[0, ticks.at(-1) ?? 1]}
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
        {series.map((each) => (
          <Line
            key={each.name}
            dataKey={(row: ChartRow) => row.values[each.name] ?? null}
            name={each.label}
            stroke={colorOf(each)}
            strokeWidth={1.5}
            dot={false}
            activeDot={{ r: 3 }}
            connectNulls={false}
            isAnimationActive={false}
          />
        ))}
      </LineChart>
    </ResponsiveContainer>
  );
}
