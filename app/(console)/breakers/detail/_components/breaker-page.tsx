'use client';

import { useQuery } from '@tanstack/react-query';
import dynamic from 'next/dynamic';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { parseAsString, useQueryState } from 'nuqs';
import { useState } from 'react';
import { Details } from '../../../../../components/data/details.tsx';
import { EmptyState } from '../../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../../components/data/error-panel.tsx';
import { PageHeader } from '../../../../../components/data/page-header.tsx';
import { PageSkeleton } from '../../../../../components/data/page-skeleton.tsx';
import { RelativeTime } from '../../../../../components/data/relative-time.tsx';
import { StaleNote } from '../../../../../components/data/stale-note.tsx';
import { Stat } from '../../../../../components/data/stat.tsx';
import { formatDuration } from '../../../../../components/format/duration.ts';
import { formatNumber } from '../../../../../components/format/number.ts';
import { formatPercent } from '../../../../../components/format/percent.ts';
import { useMe } from '../../../../../components/shell/use-me.ts';
import { recoveryInterval, trpc } from '../../../../../components/trpc/client.ts';
import { failureOf } from '../../../../../components/trpc/errors.ts';
import { allows } from '../../../../../components/trpc/role.ts';
import { Button, buttonClass } from '../../../../../components/ui/button.tsx';
import type { BreakerDetail } from '../../../../../server/breakers/contract.ts';
import { type BreakerAction, failedShare } from '../../_components/columns.tsx';
import { REFRESH_MS } from '../../_components/use-breakers.ts';
import { BreakerState, causeWord, inSeconds } from '../../_components/words.tsx';
import { History } from './history.tsx';
import { Notices } from './notices.tsx';
import { WindowChart } from './window-chart.tsx';

const ActionDialog = dynamic(() => import('../../_components/action-dialog.tsx'), { ssr: false });
const PolicySheet = dynamic(() => import('../../_components/policy-sheet.tsx'), { ssr: false });

function State({ breaker }: { breaker: BreakerDetail }) {
  const { state, cause, openedAt, trialInMs, trials, description } = breaker;
  return (
    <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
      <BreakerState state={state} />
      {state === 'open' ? (
        <span>
          {causeWord(cause)}
          {openedAt ? (
            <>
              {' '}
              <RelativeTime at={openedAt} />
            </>
          ) : null}
          {trialInMs === null ? null : `, tried again ${inSeconds(trialInMs)}`}
        </span>
      ) : null}
      {state === 'half_open' ? (
        <span className="tabular-nums">
          {trials.succeeded} of {trials.of} trial calls succeeded
          {trials.inFlight > 0 ? `, ${trials.inFlight} under way` : ''}
        </span>
      ) : null}
      {description === '' ? null : (
        <>
          <span className="text-faint">·</span>
          <span>{description}</span>
        </>
      )}
    </span>
  );
}

function Actions(props: { breaker: BreakerDetail; act(action: BreakerAction): void }) {
  const { breaker, act } = props;
  const { state, hold } = breaker;
  return (
    <>
      {hold ? <Button onClick={() => act('auto')}>Hand back</Button> : null}
      {state === 'forced_open' ? null : <Button onClick={() => act('open')}>Hold open</Button>}
      {state === 'forced_closed' ? null : (
        <Button onClick={() => act('closed')}>Hold closed</Button>
      )}
      <Button onClick={() => act('reset')}>Reset</Button>
      {breaker.builtIn ? null : <Button onClick={() => act('remove')}>Remove</Button>}
      <Button look="primary" onClick={() => act('edit')}>
        Edit policy
      </Button>
    </>
  );
}

function Policy({ breaker }: { breaker: BreakerDetail }) {
  const { policy, matchers } = breaker;
  const seconds = (ms: number) => formatDuration(ms / 1000);
  const held = Object.entries(matchers ?? {}).map(([label, value]) => `${label}=${value}`);
  return (
    <section aria-labelledby="policy" className="rounded-card border bg-surface px-3.5 py-3">
      <h2 id="policy" className="mb-1 font-medium text-14">
        Policy
      </h2>
      <Details
        rows={[
          [
            'Opens',
            `from ${formatPercent(policy.failureThreshold)} failed, with at least ${policy.minimumCalls} calls in ${seconds(policy.windowMs)}`,
          ],
          [
            'Slow calls',
            policy.slowCallMs === null
              ? 'none is'
              : `from ${seconds(policy.slowCallMs)}; opens from ${formatPercent(policy.slowCallThreshold)}`,
          ],
          [
            'Tries again',
            `after ${seconds(policy.openMs)}, with ${policy.halfOpenProbes} calls, each given up after ${seconds(policy.probeLeaseMs)}`,
          ],
          [
            'Alerts',
            <code key="alerts" className="break-all font-mono text-12">
              {[`breaker=${breaker.name}`, ...(held.length > 0 ? [held.join(' and ')] : [])].join(
                ' or ',
              )}
            </code>,
          ],
        ]}
      />
    </section>
  );
}

function Shares({ breaker }: { breaker: BreakerDetail }) {
  return (
    <section aria-labelledby="shares" className="rounded-card border bg-surface px-3.5 py-3">
      <h2 id="shares" className="mb-1 font-medium text-14">
        Who saw it
      </h2>
      {breaker.shares.length === 0 ? (
        <p className="py-1.5 text-13 text-muted">Nobody made a call within the window.</p>
      ) : (
        <table className="w-full text-13 tabular-nums">
          <thead>
            <tr className="border-b text-left text-12 text-muted">
              <th scope="col" className="py-1.5 font-medium">
                Replica or program
              </th>
              <th scope="col" className="py-1.5 text-right font-medium">
                Calls
              </th>
              <th scope="col" className="py-1.5 text-right font-medium">
                Failed
              </th>
            </tr>
          </thead>
          <tbody>
            {breaker.shares.map(({ replica, calls, failures }) => (
              <tr key={replica} className="border-b last:border-0">
                <td className="max-w-0 truncate py-1.5" title={replica}>
                  {replica.replace(/^client:/, '')}
                </td>
                <td className="w-20 py-1.5 text-right">{formatNumber(calls)}</td>
                <td className="w-20 py-1.5 text-right">{formatPercent(failures / calls)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** One breaker: state, window, who saw what, history and policy. */
export function BreakerPage() {
  const [name] = useQueryState('name', parseAsString.withDefault(''));
  const router = useRouter();
  const me = useMe();
  const mayAct = me !== undefined && me !== null && allows(me.role, 'operator');
  const query = useQuery(
    trpc.breakers.get.queryOptions(
      { name },
      {
        enabled: name !== '',
        refetchInterval: ({ state }) => recoveryInterval(state) ?? REFRESH_MS,
      },
    ),
  );
  const [doing, setDoing] = useState<BreakerAction | null>(null);
  const { data: breaker } = query;
  if (name === '' || (query.isError && failureOf(query.error).status === 404)) {
    return (
      <>
        <PageHeader title="Breaker" state="" />
        <EmptyState
          title="There is no such breaker"
          why="It may have been removed. The audit log says by whom."
          action={
            <Link href="/breakers" className={buttonClass('secondary')}>
              All breakers
            </Link>
          }
        />
      </>
    );
  }
  if (query.isError && !breaker) {
    return (
      <>
        <PageHeader title="Breaker" state="" />
        <ErrorPanel what="The breaker" error={query.error} onRetry={() => query.refetch()} />
      </>
    );
  }
  if (!breaker) return <PageSkeleton title="Breaker" />;
  const share = failedShare(breaker);
  const { policy } = breaker;
  const close = () => setDoing(null);
  return (
    <>
      <PageHeader
        title={breaker.name}
        state={<State breaker={breaker} />}
        action={mayAct ? <Actions breaker={breaker} act={setDoing} /> : null}
      />
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <Notices breaker={breaker} />
      <div className="mb-3 grid grid-cols-2 gap-3 lg:grid-cols-4">
        <Stat
          label="Failed"
          value={share === null ? '–' : formatPercent(share)}
          note={`opens from ${formatPercent(policy.failureThreshold)}`}
          tone={share !== null && share >= policy.failureThreshold ? 'bad' : 'plain'}
        />
        <Stat
          label="Calls in the window"
          value={formatNumber(breaker.calls)}
          note={`counts from ${formatNumber(policy.minimumCalls)} on`}
        />
        <Stat
          label="Slow"
          value={policy.slowCallMs === null ? '–' : formatNumber(breaker.slow)}
          note={
            policy.slowCallMs === null
              ? 'no call is slow'
              : `from ${formatDuration(policy.slowCallMs / 1000)} on`
          }
        />
        <Stat
          label="Turned away"
          value={formatNumber(breaker.rejected)}
          note="since the console's start"
        />
      </div>
      <WindowChart breaker={breaker} />
      <div className="mt-3 grid items-start gap-3 xl:grid-cols-2">
        <Policy breaker={breaker} />
        <Shares breaker={breaker} />
      </div>
      <History name={breaker.name} />
      {doing === 'edit' ? <PolicySheet name={breaker.name} onClose={close} /> : null}
      {doing && doing !== 'edit' ? (
        <ActionDialog
          action={doing}
          breaker={breaker}
          onClose={close}
          onDone={() => {
            if (doing === 'remove') router.push('/breakers');
          }}
        />
      ) : null}
    </>
  );
}
