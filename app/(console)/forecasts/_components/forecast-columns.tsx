import type { Column } from '../../../../components/data/columns.ts';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { Fan } from '../../../../components/forecasts/fan.tsx';
import { formatOf } from '../../../../components/forecasts/units.ts';
import { formatPercent } from '../../../../components/format/percent.ts';
import type { ForecastItem, Outlook } from '../../../../server/forecasts/contract.ts';
import { againstFloor, stateOf, trendWords } from './words.ts';

function Ahead({ item, outlook }: { item: ForecastItem; outlook: Outlook | null }) {
  if (!outlook) return <span className="text-faint">–</span>;
  const format = formatOf(item.unit);
  return (
    <span title={`${format(outlook.lower)} to ${format(outlook.upper)}`}>
      {format(outlook.mean)}
    </span>
  );
}

export const forecastColumns: readonly Column<ForecastItem>[] = [
  {
    id: 'state',
    header: 'State',
    width: '128px',
    csv: (item) => stateOf(item).word,
    cell: (item) => (
      <span title={item.detail ?? undefined}>
        <StatusBadge {...stateOf(item)} />
      </span>
    ),
  },
  {
    id: 'name',
    header: 'Series',
    width: '220px',
    csv: ({ name }) => name,
    cell: ({ name }) => (
      <span title={name} className="font-medium">
        {name}
      </span>
    ),
  },
  {
    id: 'fan',
    header: 'Past and expected',
    width: '156px',
    cell: ({ spark, name }) => <Fan {...spark} label={`${name}: what was and what is expected`} />,
  },
  {
    id: 'last',
    header: 'Last',
    width: '96px',
    align: 'right',
    csv: ({ last }) => last?.value ?? null,
    cell: ({ last, unit }) =>
      last ? formatOf(unit)(last.value) : <span className="text-faint">–</span>,
  },
  {
    id: 'day',
    header: 'Next 24 h',
    width: '96px',
    align: 'right',
    csv: ({ nextDay }) => nextDay?.mean ?? null,
    cell: (item) => <Ahead item={item} outlook={item.nextDay} />,
  },
  {
    id: 'week',
    header: 'Next 7 d',
    width: '96px',
    align: 'right',
    csv: ({ nextWeek }) => nextWeek?.mean ?? null,
    cell: (item) => <Ahead item={item} outlook={item.nextWeek} />,
  },
  {
    id: 'trend',
    header: 'Trend',
    width: '92px',
    csv: ({ trend }) => trend,
    cell: ({ trend }) => (trend ? trendWords[trend] : <span className="text-faint">–</span>),
  },
  {
    id: 'floor',
    header: 'Against naive',
    width: '142px',
    csv: againstFloor,
    cell: (item) => (
      <span title="By the backtest, against repeating the last season">{againstFloor(item)}</span>
    ),
  },
  {
    id: 'inside',
    header: 'Inside, 30 d',
    width: '100px',
    align: 'right',
    csv: ({ accuracy }) => accuracy?.near.inside ?? null,
    cell: ({ accuracy }) =>
      accuracy?.near.inside == null ? (
        <span className="text-faint">–</span>
      ) : (
        <span title={`${accuracy.near.compared} values compared; 95 % is what was promised`}>
          {formatPercent(accuracy.near.inside)}
        </span>
      ),
  },
  {
    id: 'made',
    header: 'Made',
    width: '100px',
    hidden: true,
    csv: ({ refreshedAt }) => refreshedAt,
    cell: ({ refreshedAt }) => (refreshedAt ? <RelativeTime at={refreshedAt} /> : 'never'),
  },
];
