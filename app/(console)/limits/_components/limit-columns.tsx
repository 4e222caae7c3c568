import type { Column } from '../../../../components/data/columns.ts';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { formatNumber } from '../../../../components/format/number.ts';
import type { LimitCaller, LimitItem } from '../../../../server/limits/contract.ts';
import { kindWords, modeBriefly, perWords, sourceWords } from './words.ts';

export const limitColumns: readonly Column<LimitItem>[] = [
  {
    id: 'name',
    header: 'Limit',
    width: '170px',
    sort: ({ name }) => name,
    csv: ({ name }) => name,
    cell: ({ name }) => (
      <span title={name} className="font-medium">
        {name}
      </span>
    ),
  },
  {
    id: 'pattern',
    header: 'Of calls',
    width: '230px',
    csv: ({ pattern }) => pattern,
    cell: ({ pattern }) => <span title={pattern}>{pattern}</span>,
  },
  {
    id: 'per',
    header: 'Per',
    width: '110px',
    sort: ({ per }) => perWords[per],
    csv: ({ per }) => perWords[per],
    cell: ({ per }) => perWords[per],
  },
  {
    id: 'mode',
    header: 'Counts',
    width: '90px',
    csv: ({ mode }) => modeBriefly[mode],
    cell: ({ mode }) => modeBriefly[mode],
  },
  {
    id: 'perMinute',
    header: 'Calls a minute',
    width: '120px',
    align: 'right',
    sort: ({ perMinute }) => perMinute,
    csv: ({ perMinute }) => perMinute,
    cell: ({ perMinute }) => formatNumber(perMinute),
  },
  {
    id: 'burst',
    header: 'At once',
    width: '90px',
    align: 'right',
    sort: ({ burst }) => burst,
    csv: ({ burst }) => burst,
    cell: ({ burst }) => formatNumber(burst),
  },
  {
    id: 'source',
    header: 'Set by',
    width: '110px',
    sort: ({ source }) => sourceWords[source],
    csv: ({ source }) => sourceWords[source],
    cell: ({ source, variable, override }) => (
      <span title={override ? `${override.by}: ${override.reason}` : (variable ?? undefined)}>
        {source === 'override' ? (
          <StatusBadge kind="info" word={sourceWords.override} />
        ) : (
          sourceWords[source]
        )}
      </span>
    ),
  },
  {
    id: 'refused',
    header: 'Refused, last hour',
    width: '150px',
    align: 'right',
    sort: ({ refusedLastHour }) => refusedLastHour,
    csv: ({ refusedLastHour }) => refusedLastHour,
    cell: ({ refusedLastHour }) => (
      <span className={refusedLastHour > 0 ? 'text-warn-text' : undefined}>
        {formatNumber(refusedLastHour)}
      </span>
    ),
  },
];

const stateOf = ({ remaining, lastRefusedAt }: LimitCaller) => {
  if (remaining === 0) return { kind: 'bad', word: 'Refused' } as const;
  return lastRefusedAt
    ? ({ kind: 'warn', word: 'Was refused' } as const)
    : ({ kind: 'info', word: 'Near it' } as const);
};

export const callerColumns: readonly Column<LimitCaller>[] = [
  {
    id: 'state',
    header: 'State',
    width: '130px',
    sort: (caller) => stateOf(caller).word,
    csv: (caller) => stateOf(caller).word,
    cell: (caller) => <StatusBadge {...stateOf(caller)} />,
  },
  {
    id: 'caller',
    header: 'Caller',
    width: '260px',
    sort: ({ label }) => label,
    csv: ({ label }) => label,
    cell: ({ label, id }) => <span title={id}>{label}</span>,
  },
  {
    id: 'kind',
    header: 'Kind',
    width: '120px',
    csv: ({ kind }) => kindWords[kind],
    cell: ({ kind }) => kindWords[kind],
  },
  {
    id: 'limit',
    header: 'Limit',
    width: '180px',
    sort: ({ limit }) => limit,
    csv: ({ limit }) => limit,
    cell: ({ limit }) => limit,
  },
  {
    id: 'remaining',
    header: 'Calls left',
    width: '110px',
    align: 'right',
    sort: ({ remaining }) => remaining,
    csv: ({ remaining }) => remaining,
    cell: ({ remaining, burst }) => `${formatNumber(remaining)} of ${formatNumber(burst)}`,
  },
  {
    id: 'refused',
    header: 'Refused, last hour',
    width: '150px',
    align: 'right',
    sort: ({ refusedLastHour }) => refusedLastHour,
    csv: ({ refusedLastHour }) => refusedLastHour,
    cell: ({ refusedLastHour }) => formatNumber(refusedLastHour),
  },
];
