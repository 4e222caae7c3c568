import { ArrowDownRight, Waves } from 'lucide-react';
import { Sparkline } from '../../../../components/charts/sparkline.tsx';
import type { Column } from '../../../../components/data/columns.ts';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { StateBadge } from '../../../../components/data/state-badge.tsx';
import { StateBar } from '../../../../components/data/state-bar.tsx';
import { formatDuration } from '../../../../components/format/duration.ts';
import { formatPercent } from '../../../../components/format/percent.ts';
import type { TargetItem } from '../../../../server/health/contract.ts';
import { useTrend } from './trends.ts';
import { stateOrder } from './use-targets.ts';

const kindWords = {
  http: 'HTTP',
  tcp: 'TCP',
  postgres: 'PostgreSQL',
  redis: 'Redis',
  heartbeat: 'Heartbeat',
} as const;
export const kindWord = (kind: TargetItem['kind']) => kindWords[kind];
const modeWords = { automatic: 'Automatic', approval: 'Approval', off: 'Off' } as const;

function State({ target }: { target: TargetItem }) {
  return (
    <span className="flex items-center gap-1.5">
      <StateBadge state={target.state} paused={target.paused} />
      {target.suppressedBy ? (
        <ArrowDownRight
          role="img"
          aria-label="Alerts are held back: a target that this depends on is down"
          className="size-3.5 shrink-0 text-muted"
        />
      ) : null}
      {target.flapping ? (
        <Waves
          role="img"
          aria-label="Flapping: it goes up and down"
          className="size-3.5 shrink-0 text-warn-text"
        />
      ) : null}
    </span>
  );
}

function Latency({ target }: { target: TargetItem }) {
  const trend = useTrend(target.id);
  if (target.kind === 'heartbeat') return <span className="text-faint">–</span>;
  return (
    <span className="flex items-center justify-end gap-2">
      <Sparkline values={trend?.latencyMs ?? []} label="Latency over the last hour" />
      <span className="w-16">
        {target.latencyMs === null ? '–' : formatDuration(target.latencyMs / 1000)}
      </span>
    </span>
  );
}

function Day({ target }: { target: TargetItem }) {
  return <StateBar bar={useTrend(target.id)?.bar} />;
}

export const targetColumns: readonly Column<TargetItem>[] = [
  {
    id: 'state',
    header: 'State',
    width: '140px',
    // What needs a person first, then by name.
    sort: (target) => `${stateOrder.indexOf(target.state)} ${target.name.toLowerCase()}`,
    csv: (target) => (target.paused ? 'paused' : target.state),
    cell: (target) => <State target={target} />,
  },
  {
    id: 'name',
    header: 'Name',
    // Wide enough for a name on a phone; the rest of the room is shared.
    width: '250px',
    sort: (target) => target.name.toLowerCase(),
    csv: (target) => target.name,
    cell: (target) => (
      <span className="flex min-w-0 items-baseline gap-2">
        <span title={target.name} className="min-w-0 truncate font-medium">
          {target.name}
        </span>
        <span title={target.address} className="min-w-0 flex-1 truncate text-12 text-muted">
          {target.state === 'down' && target.detail ? target.detail : target.address}
        </span>
      </span>
    ),
  },
  {
    id: 'kind',
    header: 'Kind',
    width: '100px',
    sort: (target) => target.kind,
    csv: (target) => target.kind,
    cell: (target) => kindWord(target.kind),
  },
  {
    id: 'latency',
    header: 'Latency',
    width: '190px',
    align: 'right',
    sort: (target) => target.latencyMs,
    csv: (target) => target.latencyMs,
    cell: (target) => <Latency target={target} />,
  },
  {
    id: 'day',
    header: '24 h',
    width: '172px',
    cell: (target) => <Day target={target} />,
  },
  {
    id: 'uptime',
    header: 'Uptime',
    width: '92px',
    align: 'right',
    sort: (target) => target.uptime24h,
    csv: (target) => target.uptime24h,
    cell: (target) => (target.uptime24h === null ? '–' : formatPercent(target.uptime24h)),
  },
  {
    id: 'checked',
    header: 'Checked',
    width: '104px',
    sort: (target) => target.lastCheckAt,
    csv: (target) => target.lastCheckAt,
    cell: (target) => (target.lastCheckAt ? <RelativeTime at={target.lastCheckAt} /> : 'not yet'),
  },
  {
    id: 'healing',
    header: 'Healing',
    width: '100px',
    hidden: true,
    sort: (target) => target.remedyMode,
    csv: (target) => target.remedyMode,
    cell: (target) => (target.remedyMode ? modeWords[target.remedyMode] : 'None'),
  },
  {
    id: 'group',
    header: 'Group',
    width: '120px',
    hidden: true,
    sort: (target) => target.group,
    csv: (target) => target.group,
    cell: (target) => target.group ?? '–',
  },
];
