import { Sparkline } from '../../../../components/charts/sparkline.tsx';
import type { Column } from '../../../../components/data/columns.ts';
import { RowActions } from '../../../../components/data/row-actions.tsx';
import { formatNumber } from '../../../../components/format/number.ts';
import { formatPercent } from '../../../../components/format/percent.ts';
import type { BreakerItem } from '../../../../server/breakers/contract.ts';
import { BreakerState, inSeconds, stateWords, urgency } from './words.tsx';

export type BreakerAction = 'open' | 'closed' | 'auto' | 'trip' | 'reset' | 'edit' | 'remove';
export type Act = (action: BreakerAction, breaker: BreakerItem) => void;

const loadMenu = () => import('./row-menu.tsx');
export const failedShare = ({ calls, failures }: Pick<BreakerItem, 'calls' | 'failures'>) =>
  calls === 0 ? null : failures / calls;

const plain: readonly Column<BreakerItem>[] = [
  {
    id: 'state',
    header: 'State',
    width: '130px',
    sort: ({ state }) => urgency[state],
    csv: ({ state }) => stateWords[state].word,
    cell: ({ state }) => <BreakerState state={state} />,
  },
  {
    id: 'name',
    header: 'Name',
    width: '240px',
    sort: ({ name }) => name,
    csv: ({ name }) => name,
    cell: ({ name, description }) => (
      <span title={description === '' ? name : `${name}: ${description}`} className="font-medium">
        {name}
      </span>
    ),
  },
  {
    id: 'trend',
    header: 'Trend',
    width: '110px',
    cell: ({ trend }) =>
      trend.some((value) => value !== null) ? (
        <Sparkline values={trend} label="Share of failed calls over the window" />
      ) : (
        <span className="text-faint">no calls</span>
      ),
  },
  {
    id: 'failed',
    header: 'Failed',
    width: '90px',
    align: 'right',
    sort: failedShare,
    csv: failedShare,
    cell: (breaker) => {
      const share = failedShare(breaker);
      return share === null ? '–' : formatPercent(share);
    },
  },
  {
    id: 'calls',
    header: 'Calls',
    width: '90px',
    align: 'right',
    sort: ({ calls }) => calls,
    csv: ({ calls }) => calls,
    cell: ({ calls }) => formatNumber(calls),
  },
  {
    id: 'trial',
    header: 'Next trial',
    width: '120px',
    sort: ({ trialInMs }) => trialInMs,
    csv: ({ trialInMs }) => trialInMs,
    cell: ({ trialInMs, state }) =>
      trialInMs !== null ? inSeconds(trialInMs) : state === 'half_open' ? 'now' : '–',
  },
  {
    id: 'hold',
    header: 'Held by',
    csv: ({ hold }) => (hold ? `${hold.by}: ${hold.reason}` : null),
    cell: ({ hold }) =>
      hold ? (
        <span title={`${hold.by}: ${hold.reason}`}>
          {hold.by}: <span className="text-muted">{hold.reason}</span>
        </span>
      ) : (
        ''
      ),
  },
];

/** `act` is null for those who may only look. */
export function columnsOf(act: Act | null): readonly Column<BreakerItem>[] {
  if (!act) return plain;
  return [
    ...plain,
    {
      id: 'actions',
      header: 'Actions',
      width: '84px',
      cell: (breaker) => <RowActions name={breaker.name} load={loadMenu} menu={{ breaker, act }} />,
    },
  ];
}
