'use client';

import { useQuery } from '@tanstack/react-query';
import { ErrorPanel } from '../../../../../components/data/error-panel.tsx';
import { StatusBadge } from '../../../../../components/data/status-badge.tsx';
import { formatNumber } from '../../../../../components/format/number.ts';
import { formatPercent } from '../../../../../components/format/percent.ts';
import { formatInstant } from '../../../../../components/format/time.ts';
import { trpc } from '../../../../../components/trpc/client.ts';
import { ScrollRegion } from '../../../../../components/ui/scroll-region.tsx';
import { Skeleton } from '../../../../../components/ui/skeleton.tsx';
import type { FeatureDrift, Overlay } from '../../../../../server/drift/contract.ts';

const short = (value: number | null | undefined): string =>
  value === null || value === undefined || !Number.isFinite(value)
    ? '–'
    : Math.abs(value) >= 1e6 || (value !== 0 && Math.abs(value) < 1e-3)
      ? value.toExponential(2)
      : formatNumber(Number(value.toPrecision(4)));
const pText = (value: number): string => (value < 1e-4 ? value.toExponential(1) : value.toFixed(4));
const W = 560;
const H = 180;
const BASE = 8;

type Bar = { label: string; reference: number; current: number };
/** As shares of each side: the sides have different numbers of values. */
function barsOf(overlay: Overlay): Bar[] {
  const sum = (counts: readonly number[]) => counts.reduce((total, each) => total + each, 0);
  const others = overlay.kind === 'categorical' ? overlay.others : { reference: 0, current: 0 };
  const [past, now] = [
    Math.max(1, sum(overlay.reference) + others.reference),
    Math.max(1, sum(overlay.current) + others.current),
  ];
  const bars = overlay.reference.map((count, place) => ({
    label:
      overlay.kind === 'numeric'
        ? `${short(overlay.edges[place])} to ${short(overlay.edges[place + 1])}`
        : (overlay.categories[place] ?? ''),
    reference: count / past,
    current: (overlay.current[place] ?? 0) / now,
  }));
  return others.reference + others.current > 0
    ? [
        ...bars,
        { label: 'all others', reference: others.reference / past, current: others.current / now },
      ]
    : bars;
}

/** Both distributions over each other; the reference is an outline, the window is filled. */
function Distributions({ feature }: { feature: FeatureDrift }) {
  const { overlay, name } = feature;
  if (!overlay) return <p className="text-13 text-muted">There is no picture of this feature.</p>;
  const bars = barsOf(overlay);
  const top = Math.max(...bars.flatMap(({ reference, current }) => [reference, current]), 1e-9);
  const width = W / Math.max(1, bars.length);
  const height = (share: number) => (share / top) * (H - BASE);
  const most = (side: 'reference' | 'current') =>
    bars.reduce(
      (best, bar) => (bar[side] > best[side] ? bar : best),
      bars[0] ?? { label: '', reference: 0, current: 0 },
    ).label;
  return (
    <figure className="min-w-0">
      <svg
        viewBox={`0 0 ${W} ${H + 18}`}
        role="img"
        aria-label={`${name}: most of the reference lies in ${most('reference')}, most of the window in ${most('current')}.`}
        className="w-full text-muted"
      >
        <line x1={0} x2={W} y1={H} y2={H} stroke="var(--color-line-strong)" />
        {bars.map(({ label, reference, current }, place) => (
          <g key={label}>
            <title>{`${label}: reference ${formatPercent(reference)}, window ${formatPercent(current)}`}</title>
            <rect
              x={place * width + 1}
              y={H - height(current)}
              width={Math.max(1, width - 2)}
              height={height(current)}
              fill="var(--chart-1)"
              fillOpacity={0.55}
            />
            <rect
              x={place * width + 1}
              y={H - height(reference)}
              width={Math.max(1, width - 2)}
              height={height(reference)}
              fill="none"
              stroke="var(--chart-3)"
              strokeWidth={1.5}
            />
          </g>
        ))}
        {overlay.kind === 'numeric' ? (
          <g fontSize={11} fill="currentColor">
            <text x={0} y={H + 14}>
              {short(overlay.edges[0])}
            </text>
            <text x={W} y={H + 14} textAnchor="end">
              {short(overlay.edges.at(-1))}
            </text>
          </g>
        ) : null}
      </svg>
      <figcaption className="mt-1 flex flex-wrap gap-x-4 text-12 text-muted">
        <span className="inline-flex items-center gap-1.5">
          <span aria-hidden className="size-3 border-2" style={{ borderColor: 'var(--chart-3)' }} />
          reference
        </span>
        <span className="inline-flex items-center gap-1.5">
          <span
            aria-hidden
            className="size-3 opacity-60"
            style={{ background: 'var(--chart-1)' }}
          />
          window
        </span>
        <span>as shares of each</span>
      </figcaption>
      <details className="mt-1">
        <summary className="cursor-pointer text-12 text-muted">As a table</summary>
        <ScrollRegion
          aria-label={`Distribution of ${name}, scrolls`}
          className="max-h-60 overflow-auto"
        >
          <table className="mt-1 w-full text-12 tabular-nums">
            <thead className="text-muted">
              <tr>
                <th scope="col" className="text-left font-normal">
                  Values
                </th>
                <th scope="col" className="text-right font-normal">
                  Reference
                </th>
                <th scope="col" className="text-right font-normal">
                  Window
                </th>
              </tr>
            </thead>
            <tbody>
              {bars.map(({ label, reference, current }) => (
                <tr key={label}>
                  <th scope="row" className="max-w-40 truncate text-left font-normal">
                    {label}
                  </th>
                  <td className="text-right">{formatPercent(reference)}</td>
                  <td className="text-right">{formatPercent(current)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollRegion>
      </details>
    </figure>
  );
}

function rowsOf(feature: FeatureDrift): [string, string, string][] {
  const { summary, missing } = feature;
  const share: [string, string, string] = [
    'Missing',
    formatPercent(missing.reference),
    formatPercent(missing.current),
  ];
  if (summary.kind === 'categorical') {
    const { reference, current } = summary;
    return [
      ['Values', formatNumber(reference.count), formatNumber(current.count)],
      share,
      ['Categories', formatNumber(reference.categories), formatNumber(current.categories)],
    ];
  }
  const { reference, current } = summary;
  const pair = (
    label: string,
    pick: (side: NonNullable<typeof reference>) => number,
  ): [string, string, string] => [
    label,
    short(reference && pick(reference)),
    short(current && pick(current)),
  ];
  return [
    pair('Values', ({ count }) => count),
    share,
    pair('Mean', ({ mean }) => mean),
    pair('Standard deviation', ({ sd }) => sd),
    pair('Least', ({ min }) => min),
    pair('A quarter below', ({ p25 }) => p25),
    pair('Median', ({ median }) => median),
    pair('A quarter above', ({ p75 }) => p75),
    pair('Most', ({ max }) => max),
  ];
}

function Tests({ feature }: { feature: FeatureDrift }) {
  const { ks, psi, wasserstein, wassersteinNormalised, chiSquare, jensenShannon, pValue } = feature;
  const rows: [string, string][] = [];
  if (ks) {
    rows.push([
      'Kolmogorov–Smirnov',
      `D = ${short(ks.statistic)}, p = ${pText(ks.pValue)} (${ks.method})`,
    ]);
  }
  if (chiSquare) {
    rows.push([
      'Chi-square',
      `${short(chiSquare.statistic)} with ${chiSquare.df} degrees of freedom, p = ${pText(chiSquare.pValue)}`,
    ]);
  }
  if (wasserstein !== undefined) rows.push(['Wasserstein distance', short(wasserstein)]);
  if (wassersteinNormalised !== undefined) {
    rows.push(['… in deviations of the reference', short(wassersteinNormalised)]);
  }
  if (jensenShannon !== undefined) rows.push(['Jensen–Shannon distance', short(jensenShannon)]);
  if (psi !== null) rows.push(['Population stability index', short(psi)]);
  if (pValue !== null) rows.push(['p, corrected for all features', pText(pValue)]);
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-6 text-13 tabular-nums">
      {rows.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="py-0.5 text-muted">{name}</dt>
          <dd className="py-0.5 text-right">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** What was found for one feature in one window: the sentence, both distributions, the tests. */
export function FeatureDetail({ runId, feature: name }: { runId: string; feature: string }) {
  const query = useQuery(
    trpc.drift.run.queryOptions({ id: runId }, { staleTime: Number.POSITIVE_INFINITY }),
  );
  const { data: run } = query;
  if (query.isError && !run) {
    return <ErrorPanel what="The run" error={query.error} onRetry={() => query.refetch()} />;
  }
  if (!run || run.id !== runId) return <Skeleton className="h-64" />;
  const feature = run.results.find((one) => one.name === name);
  if (!feature) return <p className="text-13 text-muted">{run.detail}</p>;
  const changed = feature.reasons.length > 0;
  return (
    <section
      aria-labelledby="feature"
      className="mb-4 grid grid-cols-[minmax(0,1fr)] gap-4 rounded-card border bg-surface p-4"
    >
      <div>
        <h2 id="feature" className="mb-1 flex flex-wrap items-center gap-2 font-medium text-14">
          {feature.name}
          <StatusBadge
            kind={changed ? 'bad' : feature.drifted === null ? 'unknown' : 'ok'}
            word={changed ? 'Drifted' : feature.drifted === null ? 'Not testable' : 'Quiet'}
          />
        </h2>
        <p className="text-12 text-muted">
          {formatInstant(run.from)} to {formatInstant(run.to)}
        </p>
        <p className="mt-2 max-w-[80ch] text-13">{feature.reason}</p>
      </div>
      <div className="grid grid-cols-[minmax(0,1fr)] gap-6 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <Distributions feature={feature} />
        <div className="grid content-start gap-4">
          <Tests feature={feature} />
          <table className="w-full text-13 tabular-nums">
            <thead className="text-12 text-muted">
              <tr>
                <th scope="col">
                  <span className="sr-only">Figure</span>
                </th>
                <th scope="col" className="text-right font-normal">
                  Reference
                </th>
                <th scope="col" className="text-right font-normal">
                  Window
                </th>
              </tr>
            </thead>
            <tbody>
              {rowsOf(feature).map(([label, reference, current]) => (
                <tr key={label} className="border-t">
                  <th scope="row" className="py-1 text-left font-normal text-muted">
                    {label}
                  </th>
                  <td className="text-right">{reference}</td>
                  <td className="text-right">{current}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </div>
    </section>
  );
}
