import { formatDuration } from '../../../../../components/format/duration.ts';
import { count, formatNumber } from '../../../../../components/format/number.ts';
import type { BreakerDetail } from '../../../../../server/breakers/contract.ts';

const WIDTH = 600;
const HEIGHT = 96;
const MAX_BARS = 120;

/** The window as it slides: calls of each bucket, failed ones in red, the newest at the right. */
export function WindowChart({ breaker }: { breaker: BreakerDetail }) {
  const { buckets, policy } = breaker;
  const { windowMs, bucketMs } = policy;
  const size = windowMs / bucketMs;
  const per = Math.ceil(size / MAX_BARS);
  const bars = Array.from({ length: Math.ceil(size / per) }, () => ({ calls: 0, failures: 0 }));
  for (const [age, calls, failures] of buckets) {
    const bar = bars[bars.length - 1 - Math.floor(age / per)];
    if (!bar) continue;
    bar.calls += calls;
    bar.failures += failures;
  }
  const most = Math.max(1, ...bars.map(({ calls }) => calls));
  const step = WIDTH / bars.length;
  return (
    <section aria-labelledby="window" className="rounded-card border bg-surface px-3.5 py-3">
      <div className="mb-2 flex items-baseline justify-between gap-2">
        <h2 id="window" className="font-medium text-14">
          Window
        </h2>
        <span className="text-12 text-muted tabular-nums">
          {formatDuration(windowMs / 1000)},{' '}
          {breaker.calls === 0
            ? 'no calls'
            : `at most ${count(most, 'call')} in ${formatDuration((per * bucketMs) / 1000)}`}
        </span>
      </div>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        className="h-24 w-full"
        role="img"
        aria-label={`${formatNumber(breaker.calls)} calls in the window, ${formatNumber(breaker.failures)} failed`}
      >
        {bars.map(({ calls, failures }, index) => {
          const height = (calls / most) * (HEIGHT - 2);
          const bad = (failures / most) * (HEIGHT - 2);
          const x = index * step;
          const width = Math.max(1, step - 1.5);
          return (
            <g key={x}>
              <rect
                x={x}
                y={HEIGHT - height}
                width={width}
                height={height}
                className="fill-line-strong"
              />
              <rect x={x} y={HEIGHT - bad} width={width} height={bad} className="fill-bad" />
            </g>
          );
        })}
        <line x1={0} x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} className="stroke-line" />
      </svg>
      <div className="mt-1 flex justify-between text-12 text-faint tabular-nums">
        <span>{formatDuration(windowMs / 1000)} ago</span>
        <span className="flex items-center gap-3 text-muted">
          <span className="flex items-center gap-1">
            <span aria-hidden className="size-2 rounded-[2px] bg-line-strong" /> succeeded
          </span>
          <span className="flex items-center gap-1">
            <span aria-hidden className="size-2 rounded-[2px] bg-bad" /> failed
          </span>
        </span>
        <span>now</span>
      </div>
    </section>
  );
}
