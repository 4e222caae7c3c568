import type { Column } from '../../../../components/data/columns.ts';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { formatDuration } from '../../../../components/format/duration.ts';
import type { GameDayItem } from '../../../../server/gamedays/contract.ts';
import { faultWords, outcomeWords } from './words.ts';

type Time = 'timeToFirstFailureMs' | 'timeToDetectMs' | 'timeToRemedyMs' | 'timeToRecoverMs';

/** A time from the start; a dash when it did not come to that. */
function timeColumn(id: Time, header: string, more: { hidden?: true } = {}): Column<GameDayItem> {
  return {
    id,
    header,
    width: '120px',
    align: 'right',
    sort: (day) => day[id],
    csv: (day) => day[id],
    cell: (day) => {
      const ms = day[id];
      return <span className="tabular-nums">{ms === null ? '–' : formatDuration(ms / 1000)}</span>;
    },
    ...more,
  };
}

export const columns: readonly Column<GameDayItem>[] = [
  {
    id: 'started',
    header: 'Started',
    width: '110px',
    sort: (day) => day.startedAt,
    csv: (day) => day.startedAt,
    cell: (day) => <RelativeTime at={day.startedAt} />,
  },
  {
    id: 'service',
    header: 'Service',
    width: '120px',
    sort: (day) => day.service,
    csv: (day) => day.service,
    cell: (day) => (
      <span title={day.service} className="font-medium">
        {day.service}
      </span>
    ),
  },
  {
    id: 'fault',
    header: 'Fault',
    width: '120px',
    sort: (day) => day.fault,
    csv: (day) => day.fault,
    cell: (day) => faultWords[day.fault].word,
  },
  {
    id: 'status',
    header: 'Result',
    width: '140px',
    sort: (day) => day.status,
    csv: (day) => day.status,
    cell: (day) => <StatusBadge {...outcomeWords[day.status]} />,
  },
  timeColumn('timeToFirstFailureMs', 'First failure', { hidden: true }),
  timeColumn('timeToDetectMs', 'Detected after'),
  timeColumn('timeToRemedyMs', 'Remedy after'),
  timeColumn('timeToRecoverMs', 'Recovered after'),
  {
    id: 'by',
    header: 'Started by',
    width: '130px',
    sort: (day) => day.startedBy,
    csv: (day) => day.startedBy,
    cell: (day) => <span title={day.startedBy}>{day.startedBy}</span>,
    hidden: true,
  },
  {
    id: 'detail',
    header: 'Detail',
    csv: (day) => day.detail,
    cell: (day) => <span title={day.detail ?? undefined}>{day.detail ?? '–'}</span>,
  },
];
