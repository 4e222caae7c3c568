'use client';

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { formatDuration } from '../../../../components/format/duration.ts';
import { count, formatNumber } from '../../../../components/format/number.ts';
import { formatPercent } from '../../../../components/format/percent.ts';
import { formatInstant } from '../../../../components/format/time.ts';
import { api } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Select } from '../../../../components/ui/input.tsx';
import type {
  BacktestResult,
  BacktestRun,
  BreakerPolicy,
} from '../../../../server/breakers/contract.ts';

const ranges = [
  ['1h', 'last hour'],
  ['6h', 'last 6 hours'],
  ['24h', 'last 24 hours'],
  ['7d', 'last 7 days'],
] as const;
const HEIGHT = 72;
const WIDTH = 480;
const SHOWN = 5;

/** Calls and failures over the range, and when each policy would have been open. */
function Course({ result }: { result: BacktestResult }) {
  const { points, proposed, current } = result;
  const from = Date.parse(result.from);
  const span = Math.max(1, Date.parse(result.to) - from);
  const x = (at: number) => ((at - from) / span) * WIDTH;
  const most = Math.max(1, ...points.map(({ calls }) => calls));
  const width = Math.max(1, WIDTH / Math.max(60, points.length) - 0.5);
  const strip = (run: BacktestRun, y: number) =>
    run.openings.map(({ at, until }) => {
      const start = Date.parse(at);
      const end = until === null ? from + span : Date.parse(until);
      return (
        <rect
          key={at}
          x={x(start)}
          y={y}
          width={Math.max(2, x(end) - x(start))}
          height={6}
          rx={1}
          className="fill-bad"
        />
      );
    });
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT + 26}`}
      className="h-auto w-full"
      role="img"
      aria-label={`${count(result.calls, 'call')}, ${formatNumber(result.failures)} failed; now open ${count(current.openings.length, 'time')}, with the new policy ${count(proposed.openings.length, 'time')}`}
    >
      {points.map(({ at, calls, failures }) => {
        const height = (calls / most) * HEIGHT;
        const bad = (failures / most) * HEIGHT;
        return (
          <g key={at}>
            <rect
              x={x(Date.parse(at))}
              y={HEIGHT - height}
              width={width}
              height={height}
              className="fill-line-strong"
            />
            <rect
              x={x(Date.parse(at))}
              y={HEIGHT - bad}
              width={width}
              height={bad}
              className="fill-bad"
            />
          </g>
        );
      })}
      <line x1={0} x2={WIDTH} y1={HEIGHT} y2={HEIGHT} className="stroke-line" />
      {strip(current, HEIGHT + 5)}
      {strip(proposed, HEIGHT + 17)}
    </svg>
  );
}

const rows: readonly [string, (run: BacktestRun) => string][] = [
  ['Would have opened', (run) => count(run.openings.length, 'time')],
  ['Open for', (run) => formatDuration(run.openSeconds)],
  ['Calls turned away', (run) => formatNumber(run.rejected)],
  ['Saved: would have failed', (run) => formatNumber(run.avoidedFailures)],
  ['Cost: would have succeeded', (run) => formatNumber(run.lostSuccesses)],
];

function Result({ result }: { result: BacktestResult }) {
  if (result.calls === 0) {
    return (
      <p className="text-13 text-muted">
        No call was recorded in this range, so there is nothing to try it on.
      </p>
    );
  }
  return (
    <>
      <p className="text-13 text-muted">
        {count(result.calls, 'call')}, {formatPercent(result.failures / result.calls)} failed; exact
        to {formatDuration(result.stepSeconds)}. Upper strip: the policy of now. Lower: the new one.
      </p>
      <Course result={result} />
      <table className="w-full text-13 tabular-nums">
        <thead>
          <tr className="border-b text-left text-12 text-muted">
            <th scope="col" className="py-1.5 font-medium">
              <span className="sr-only">Figure</span>
            </th>
            <th scope="col" className="py-1.5 text-right font-medium">
              Now
            </th>
            <th scope="col" className="py-1.5 text-right font-medium">
              New policy
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([label, read]) => (
            <tr key={label} className="border-b last:border-0">
              <th scope="row" className="py-1.5 text-left font-normal text-muted">
                {label}
              </th>
              <td className="py-1.5 text-right">{read(result.current)}</td>
              <td className="py-1.5 text-right font-medium">{read(result.proposed)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {result.proposed.openings.length > 0 ? (
        <ul
          aria-label="When it would have opened"
          className="grid gap-1 text-12 text-muted tabular-nums"
        >
          {result.proposed.openings.slice(0, SHOWN).map(({ at, until, cause }) => (
            <li key={at}>
              {formatInstant(at)}, {cause === 'failures' ? 'failures' : 'slow calls'},{' '}
              {until === null
                ? 'not closed by the end'
                : `for ${formatDuration((Date.parse(until) - Date.parse(at)) / 1000)}`}
            </li>
          ))}
          {result.proposed.openings.length > SHOWN ? (
            <li>and {result.proposed.openings.length - SHOWN} more</li>
          ) : null}
        </ul>
      ) : null}
    </>
  );
}

/** What the policy in the form would have done with stored outcomes; null while it is not valid. */
export function Backtest({ name, policy }: { name: string; policy: BreakerPolicy | null }) {
  const [range, setRange] = useState<string>('24h');
  const run = useMutation({
    mutationFn: async (asked: BreakerPolicy) =>
      api.breakers.backtest.query({ name, policy: asked, timeRange: range }),
  });
  return (
    <section aria-label="Back-test" className="grid gap-3 rounded-card border px-3.5 py-3">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h3 className="font-medium text-13">Try it on the past</h3>
        <div className="flex items-center gap-2">
          <Select
            aria-label="Range"
            value={range}
            onChange={({ target }) => {
              run.reset();
              setRange(target.value);
            }}
          >
            {ranges.map(([value, word]) => (
              <option key={value} value={value}>
                {word}
              </option>
            ))}
          </Select>
          <Button
            busy={run.isPending}
            disabled={policy === null}
            onClick={() => policy && run.mutate(policy)}
          >
            Try
          </Button>
        </div>
      </div>
      <div aria-live="polite" className="grid gap-3 empty:hidden">
        {run.error ? (
          <p role="alert" className="text-13 text-bad-text">
            {failureOf(run.error).message}
          </p>
        ) : null}
        {run.data ? <Result result={run.data} /> : null}
      </div>
    </section>
  );
}
