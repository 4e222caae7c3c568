import { Details } from '../../../../../components/data/details.tsx';
import { formatOf } from '../../../../../components/forecasts/units.ts';
import { formatDuration } from '../../../../../components/format/duration.ts';
import { formatPercent } from '../../../../../components/format/percent.ts';
import type { ForecastDetail } from '../../../../../server/forecasts/contract.ts';
import { trendWords } from '../../_components/words.ts';

const transformWords = {
  none: 'None',
  log: 'Logarithm, as values are positive',
  logit: 'Logit, as values lie between two bounds',
} as const;

/** What the model is, in words. */
export function Model(props: {
  forecast: ForecastDetail;
  newest: NonNullable<ForecastDetail['newest']>;
}) {
  const { forecast, newest } = props;
  const format = formatOf(forecast.unit);
  const { trendTest, seasons, notes, backtest } = newest;
  const unit = forecast.step === 'hour' ? 'hours' : 'days';
  return (
    <section aria-labelledby="model" className="min-w-0">
      <h2 id="model" className="mb-1 font-medium text-14">
        Model
      </h2>
      <Details
        rows={[
          ['Used', newest.model],
          [
            'Seasons',
            seasons.length === 0
              ? 'None found'
              : seasons.map((each) => `${each} ${unit}`).join(', '),
          ],
          ['Transformed by', transformWords[newest.transform]],
          [
            'Trend',
            trendTest.slopePerDay === null
              ? trendWords[newest.trend]
              : `${trendWords[newest.trend]}: ${format(trendTest.slopePerDay)} a day (${
                  trendTest.lower === null ? '–' : format(trendTest.lower)
                } to ${trendTest.upper === null ? '–' : format(trendTest.upper)})${
                  trendTest.pValue === null
                    ? ''
                    : `, p ${trendTest.pValue < 0.001 ? '< 0.001' : `= ${trendTest.pValue.toPrecision(2)}`}`
                }`,
          ],
          ['Interval held', `${formatPercent(backtest.coverage)} in the backtest; 95 % is meant`],
          ['Took', formatDuration(newest.tookMs / 1_000)],
        ]}
      />
      {notes.length > 0 ? (
        <>
          <h3 className="mt-2 mb-1 text-12 text-muted">What was cleaned and what is doubtful</h3>
          <ul className="grid list-disc gap-0.5 pl-4 text-13">
            {notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </>
      ) : null}
    </section>
  );
}
