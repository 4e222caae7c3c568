'use client';

import { useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import { parseAsString, useQueryState } from 'nuqs';
import { ZoomProvider } from '../../../../../components/charts/zoom.tsx';
import { EmptyState } from '../../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../../components/data/error-panel.tsx';
import { PageHeader } from '../../../../../components/data/page-header.tsx';
import { PageSkeleton } from '../../../../../components/data/page-skeleton.tsx';
import { RelativeTime } from '../../../../../components/data/relative-time.tsx';
import { StaleNote } from '../../../../../components/data/stale-note.tsx';
import { Stat } from '../../../../../components/data/stat.tsx';
import { StatusBadge } from '../../../../../components/data/status-badge.tsx';
import { formatOf } from '../../../../../components/forecasts/units.ts';
import { formatPercent } from '../../../../../components/format/percent.ts';
import { useMe } from '../../../../../components/shell/use-me.ts';
import { recoveryInterval, trpc } from '../../../../../components/trpc/client.ts';
import { failureOf } from '../../../../../components/trpc/errors.ts';
import { allows } from '../../../../../components/trpc/role.ts';
import { buttonClass } from '../../../../../components/ui/button.tsx';
import type { ForecastDetail, Outlook } from '../../../../../server/forecasts/contract.ts';
import { againstFloor, stateOf, trendWords } from '../../_components/words.ts';
import { Actions } from './actions.tsx';
import { Candidates } from './candidates.tsx';
import { ForecastChart } from './chart.tsx';
import { Model } from './model.tsx';
import { Truth } from './truth.tsx';

function State({ forecast }: { forecast: ForecastDetail }) {
  const { detail, refreshedAt, nextAt, paused, anomalousSince, events } = forecast;
  return (
    <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
      <StatusBadge {...stateOf(forecast)} />
      {anomalousSince && events[0] ? <span>{events[0].detail}</span> : null}
      {detail ? <span>{detail}</span> : null}
      {refreshedAt ? (
        <span>
          Made <RelativeTime at={refreshedAt} />
          {paused ? '' : ', next '}
          {paused ? null : <RelativeTime at={nextAt} />}.
        </span>
      ) : null}
    </span>
  );
}

function Strip({ forecast }: { forecast: ForecastDetail }) {
  const format = formatOf(forecast.unit);
  const { accuracy, trend, slopePerDay, backtest } = forecast;
  const ahead = (outlook: Outlook | null) => (outlook ? format(outlook.mean) : undefined);
  const between = (outlook: Outlook | null) =>
    outlook ? `${format(outlook.lower)} to ${format(outlook.upper)}` : '';
  const judged = accuracy && accuracy.day.compared > 0 ? accuracy.day : (accuracy?.near ?? null);
  return (
    <div className="mb-4 grid grid-cols-2 gap-3 lg:grid-cols-4">
      <Stat label="Next 24 h" value={ahead(forecast.nextDay)} note={between(forecast.nextDay)} />
      <Stat label="Next 7 d" value={ahead(forecast.nextWeek)} note={between(forecast.nextWeek)} />
      <Stat
        label="Trend"
        value={trend ? trendWords[trend] : undefined}
        note={slopePerDay === null ? '' : `${format(slopePerDay)} a day`}
      />
      <Stat
        label="Against repeating the season"
        value={backtest ? againstFloor(forecast) : undefined}
        note={
          judged?.inside == null
            ? 'nothing compared yet'
            : `${formatPercent(judged.inside)} of ${judged.compared} values were inside`
        }
      />
    </div>
  );
}

function Events({ events }: Pick<ForecastDetail, 'events'>) {
  if (events.length === 0) return null;
  return (
    <section aria-labelledby="events" className="mb-4">
      <h2 id="events" className="mb-1 font-medium text-14">
        Anomalies
      </h2>
      <ol className="grid gap-1 text-13">
        {events.slice(0, 20).map(({ at, kind, detail }) => (
          <li key={`${at}${kind}`} className="flex flex-wrap items-center gap-x-2">
            <StatusBadge
              {...(kind === 'anomalous'
                ? { kind: 'bad', word: 'Unusual' }
                : { kind: 'ok', word: 'As expected' })}
            />
            <RelativeTime at={at} />
            <span>{detail}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** One series: what was, what is expected, by which model, and how good that was before. */
export function ForecastPage() {
  const [id] = useQueryState('id', parseAsString.withDefault(''));
  const query = useQuery(
    trpc.forecasts.get.queryOptions(
      { id },
      {
        enabled: id !== '',
        refetchInterval: ({ state }) => recoveryInterval(state) ?? 60_000,
      },
    ),
  );
  const me = useMe();
  const operator = me !== undefined && allows(me.role, 'operator');
  const { data: forecast } = query;
  const status = query.isError ? failureOf(query.error).status : null;
  if (id === '' || status === 404 || status === 400) {
    return (
      <>
        <PageHeader title="Forecast" state="" />
        <EmptyState
          title="There is no such forecast"
          why="It may have been removed. The list has all that there are."
          action={
            <Link href="/forecasts" className={buttonClass('secondary')}>
              All forecasts
            </Link>
          }
        />
      </>
    );
  }
  if (query.isError && !forecast) {
    return (
      <>
        <PageHeader title="Forecast" state="" />
        <ErrorPanel what="The forecast" error={query.error} onRetry={() => query.refetch()} />
      </>
    );
  }
  if (!forecast) return <PageSkeleton title="Forecast" />;
  const { newest } = forecast;
  return (
    <ZoomProvider>
      <PageHeader
        title={forecast.name}
        state={<State forecast={forecast} />}
        action={operator ? <Actions forecast={forecast} /> : undefined}
      />
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <Strip forecast={forecast} />
      {forecast.history.length > 1 ? (
        <ForecastChart forecast={forecast} />
      ) : (
        <div className="mb-4">
          <EmptyState
            title="No forecast yet"
            why={
              forecast.detail ??
              'The first is made within a minute, and then each hour, or each day for daily series.'
            }
          />
        </div>
      )}
      {newest ? (
        <div className="mb-4 grid grid-cols-[minmax(0,1fr)] gap-6 lg:grid-cols-2">
          <Candidates newest={newest} />
          <Model forecast={forecast} newest={newest} />
        </div>
      ) : null}
      <Truth forecast={forecast} />
      <Events events={forecast.events} />
    </ZoomProvider>
  );
}
