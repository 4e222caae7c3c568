import { Sparkline } from '../../../../components/charts/sparkline.tsx';
import type { Column } from '../../../../components/data/columns.ts';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { formatNumber } from '../../../../components/format/number.ts';
import { formatPercent } from '../../../../components/format/percent.ts';
import { adviceWords, ms, oneLine } from '../../../../components/queries/words.ts';
import { Badge } from '../../../../components/ui/badge.tsx';
import type { StatementItem } from '../../../../server/queries/contract.ts';

/** Share of the time of all statements: a thin bar, and the figure in words. */
function Share({ share }: { share: number }) {
  return (
    <span className="flex items-center justify-end gap-2">
      <span aria-hidden className="h-1.5 w-12 shrink-0 overflow-hidden rounded-full bg-raised">
        <span
          className="block h-full rounded-full bg-[var(--chart-1)]"
          style={{ width: `${Math.max(2, share * 100)}%` }}
        />
      </span>
      <span className="w-12 text-right">{formatPercent(share)}</span>
    </span>
  );
}

export const statementColumns: readonly Column<StatementItem>[] = [
  {
    id: 'query',
    header: 'Statement',
    width: '320px',
    csv: ({ query }) => query,
    cell: ({ query }) => (
      <code title={query} className="font-mono text-12">
        {oneLine(query)}
      </code>
    ),
  },
  {
    id: 'advice',
    header: 'Advice',
    width: '96px',
    csv: ({ advice }) => advice,
    cell: ({ advice }) =>
      advice ? (
        <Badge tone="accent">{adviceWords[advice]}</Badge>
      ) : (
        <span className="text-faint">–</span>
      ),
  },
  {
    id: 'total',
    header: 'Total time',
    width: '100px',
    align: 'right',
    csv: ({ totalMs }) => totalMs,
    cell: ({ totalMs }) => ms(totalMs),
  },
  {
    id: 'share',
    header: 'Share',
    width: '132px',
    align: 'right',
    csv: ({ share }) => share,
    cell: ({ share }) => <Share share={share} />,
  },
  {
    id: 'calls',
    header: 'Calls',
    width: '84px',
    align: 'right',
    csv: ({ calls }) => calls,
    cell: ({ calls }) => formatNumber(calls),
  },
  {
    id: 'mean',
    header: 'Mean',
    width: '84px',
    align: 'right',
    csv: ({ meanMs }) => meanMs,
    cell: ({ meanMs }) => ms(meanMs),
  },
  {
    id: 'p95',
    header: 'p95',
    width: '84px',
    align: 'right',
    csv: ({ p95Ms }) => p95Ms,
    cell: ({ p95Ms }) =>
      p95Ms === null ? (
        <span
          title="Known where single calls are seen: of this console, and from spans"
          className="text-faint"
        >
          –
        </span>
      ) : (
        ms(p95Ms)
      ),
  },
  {
    id: 'trend',
    header: 'Trend',
    width: '104px',
    cell: ({ trend, totalMs }) => (
      <Sparkline values={trend} label={`Time over the range, ${ms(totalMs)} in all`} />
    ),
  },
  {
    id: 'first',
    header: 'First seen',
    width: '100px',
    csv: ({ firstSeenAt }) => firstSeenAt,
    cell: ({ firstSeenAt }) => <RelativeTime at={firstSeenAt} />,
  },
  {
    id: 'rows',
    header: 'Rows a call',
    width: '100px',
    align: 'right',
    hidden: true,
    csv: ({ rowsPerCall }) => rowsPerCall,
    cell: ({ rowsPerCall }) => formatNumber(rowsPerCall),
  },
  {
    id: 'blocks',
    header: 'Blocks a call',
    width: '110px',
    align: 'right',
    hidden: true,
    csv: ({ blocksPerCall }) => blocksPerCall,
    cell: ({ blocksPerCall }) => formatNumber(blocksPerCall),
  },
];
