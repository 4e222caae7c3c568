import type { Column } from '../../../../components/data/columns.ts';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { formatOf } from '../../../../components/forecasts/units.ts';
import type { ResourceItem } from '../../../../server/capacity/contract.ts';
import { UseBar } from './use-bar.tsx';
import { kindWords, stateOf, untilFull } from './words.ts';

const none = <span className="text-faint">–</span>;

export const resourceColumns = (now: number): readonly Column<ResourceItem>[] => [
  {
    id: 'state',
    header: 'State',
    width: '116px',
    csv: (item) => stateOf(item).word,
    cell: (item) => {
      const state = stateOf(item);
      // A phone shows the first two columns: there the date says more than the word.
      const dated = item.state === 'crossing' && !item.paused;
      return (
        <span title={item.detail ?? undefined}>
          {dated ? (
            <span className="sm:hidden">
              <StatusBadge kind={state.kind} word={untilFull(item, now)} />
            </span>
          ) : null}
          <span className={dated ? 'max-sm:hidden' : undefined}>
            <StatusBadge {...state} />
          </span>
        </span>
      );
    },
  },
  {
    id: 'name',
    header: 'Resource',
    width: '200px',
    csv: ({ name }) => name,
    cell: ({ name }) => (
      <span title={name} className="font-medium">
        {name}
      </span>
    ),
  },
  {
    id: 'full',
    header: 'Reached in',
    width: '140px',
    csv: ({ assessment }) => assessment?.at?.mean ?? null,
    cell: (item) => <span title={item.detail ?? undefined}>{untilFull(item, now)}</span>,
  },
  {
    id: 'kind',
    header: 'Kind',
    width: '120px',
    csv: ({ subject }) => kindWords[subject.kind],
    cell: ({ subject }) => kindWords[subject.kind],
  },
  {
    id: 'value',
    header: 'Now',
    width: '100px',
    align: 'right',
    csv: ({ value }) => value,
    cell: ({ value, unit }) => (value === null ? none : formatOf(unit)(value)),
  },
  {
    id: 'limit',
    header: 'Limit',
    width: '100px',
    align: 'right',
    csv: ({ limit }) => limit,
    cell: ({ limit, unit, direction }) =>
      limit === null ? (
        none
      ) : (
        <span title={direction === 'lower' ? 'It must stay above' : undefined}>
          {direction === 'lower' ? '≥ ' : ''}
          {formatOf(unit)(limit)}
        </span>
      ),
  },
  {
    id: 'used',
    header: 'Used',
    width: '172px',
    align: 'right',
    csv: ({ used }) => used,
    cell: ({ used }) => <UseBar used={used} />,
  },
  {
    id: 'rate',
    header: 'A day',
    width: '112px',
    align: 'right',
    csv: ({ assessment }) => assessment?.perDay?.mean ?? null,
    cell: ({ assessment, unit, direction }) => {
      const rate = assessment?.perDay;
      if (!rate) return none;
      // Rates are towards the limit; what is written is the change of the value.
      const mean = direction === 'upper' ? rate.mean : -rate.mean;
      const format = formatOf(unit);
      return (
        <span title={`${format(rate.lower)} to ${format(rate.upper)} towards the limit`}>
          {mean > 0 ? '+' : ''}
          {format(mean)}
        </span>
      );
    },
  },
];
