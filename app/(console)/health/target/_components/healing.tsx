'use client';

import dynamic from 'next/dynamic';
import { useState } from 'react';
import { RelativeTime } from '../../../../../components/data/relative-time.tsx';
import { StatusBadge } from '../../../../../components/data/status-badge.tsx';
import { formatPercent } from '../../../../../components/format/percent.ts';
import { Button } from '../../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../../components/ui/skeleton.tsx';
import type {
  HealingView,
  RemedyOutcome,
  RunItem,
  TargetDetail,
} from '../../../../../server/health/contract.ts';
import { RunRow } from './run-row.tsx';

const RunDialog = dynamic(() => import('./run-dialog.tsx'), { ssr: false });

const modeWords = { automatic: 'Automatic', approval: 'By approval', off: 'Off' } as const;
const verdicts = {
  helps: { kind: 'ok', word: 'Helps' },
  does_not_help: { kind: 'bad', word: 'Does not help' },
  not_enough_data: { kind: 'unknown', word: 'Not enough data' },
} as const;

function remedyText(remedy: NonNullable<TargetDetail['remedy']>): string {
  switch (remedy.kind) {
    case 'webhook':
      return `webhook ${remedy.url}${remedy.signed ? ', signed' : ', not signed'}`;
    case 'command':
      return `command ${remedy.name}`;
    case 'docker':
      return `restart of container ${remedy.container}`;
    case 'kubernetes':
      return `rollout restart of ${remedy.namespace}/${remedy.deployment}`;
    case 'systemd':
      return `restart of ${remedy.unit}`;
  }
}

const range = (side: RemedyOutcome['treated']) =>
  side.low === null || side.high === null
    ? ''
    : ` (${formatPercent(side.low)} to ${formatPercent(side.high)})`;

function Outcome({ outcome }: { outcome: RemedyOutcome }) {
  const { treated, untreated, lift } = outcome;
  return (
    <li className="border-t px-3.5 py-2.5 text-13">
      <div className="flex flex-wrap items-center gap-2">
        <StatusBadge {...verdicts[outcome.verdict]} />
        <span className="font-medium">{outcome.symptom}</span>
      </div>
      <p className="mt-1 text-muted tabular-nums">
        Up within 60 s: with the remedy {treated.successes}/{treated.trials}
        {range(treated)}, by itself {untreated.successes}/{untreated.trials}
        {range(untreated)}.
        {lift
          ? ` Difference ${formatPercent(lift.value)}, 90 % interval ${formatPercent(lift.low)} to ${formatPercent(lift.high)}.`
          : ''}
      </p>
    </li>
  );
}

/** What heals it, what would happen next, what happened, and whether it helped. */
export function Healing(props: {
  target: TargetDetail;
  view: HealingView | undefined;
  runs: readonly RunItem[] | undefined;
  mayAct: boolean;
}) {
  const { target, view, runs, mayAct } = props;
  const [asking, setAsking] = useState(false);
  const { remedy } = target;
  return (
    <section aria-labelledby="healing" className="rounded-card border bg-surface">
      <div className="flex min-h-12 flex-wrap items-center justify-between gap-2 px-3.5 py-2">
        <h2 id="healing" className="font-medium text-14">
          Healing
        </h2>
        {mayAct && remedy ? (
          <Button onClick={() => setAsking(true)} disabled={target.paused}>
            Run remedy
          </Button>
        ) : null}
      </div>
      <div className="border-t px-3.5 py-2.5 text-13" role="status">
        {remedy ? (
          <p className="mb-1 break-words">
            {modeWords[view?.effectiveMode ?? target.remedyMode ?? 'off']}: {remedyText(remedy)}
          </p>
        ) : null}
        {view ? (
          <p className="text-muted">
            {view.plan} {view.nextAt ? <RelativeTime at={view.nextAt} /> : null}
          </p>
        ) : (
          <Skeleton className="h-4 w-3/4" />
        )}
      </div>
      {view && view.outcomes.length > 0 ? (
        <ul aria-label="Did it help">
          {view.outcomes.map((outcome) => (
            <Outcome key={outcome.symptom} outcome={outcome} />
          ))}
        </ul>
      ) : null}
      {runs && runs.length > 0 ? (
        <ul aria-label="Remedy runs">
          {runs.map((each) => (
            <RunRow key={each.id} run={each} mayAct={mayAct} />
          ))}
        </ul>
      ) : remedy ? (
        <p className="border-t px-3.5 py-2.5 text-13 text-muted">The remedy has not run yet.</p>
      ) : null}
      {asking && remedy ? (
        <RunDialog target={target} what={remedyText(remedy)} onClose={() => setAsking(false)} />
      ) : null}
    </section>
  );
}
