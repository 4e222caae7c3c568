import { formatNumber } from '../../../../../components/format/number.ts';
import { Badge } from '../../../../../components/ui/badge.tsx';
import { cx } from '../../../../../components/ui/cx.ts';
import { ScrollRegion } from '../../../../../components/ui/scroll-region.tsx';
import type { ForecastDetail } from '../../../../../server/forecasts/contract.ts';

const figure = (value: number | null) => (value === null ? '–' : value.toFixed(2));
const percent = (value: number | null) => (value === null ? '–' : `${formatNumber(value)} %`);

/** Every model that was tried, beside the floor that it must beat. */
export function Candidates({ newest }: { newest: NonNullable<ForecastDetail['newest']> }) {
  const { candidates, origins, originSteps } = newest;
  return (
    <section aria-labelledby="backtest" className="min-w-0">
      <h2 id="backtest" className="mb-1 font-medium text-14">
        Backtest
      </h2>
      <p className="mb-2 text-13 text-muted">
        {origins === 0
          ? 'The series is too short to look back from.'
          : `Made from ${origins} earlier moments, ${originSteps} steps ahead each, and compared with what came. Lower is better; a MASE of 1 is what the last season repeated is off by inside the history.`}
      </p>
      <ScrollRegion
        aria-label="Backtest of the models"
        className="overflow-x-auto rounded-card border bg-surface"
      >
        <table className="w-full min-w-[460px] whitespace-nowrap text-13 tabular-nums">
          <thead className="text-12 text-muted">
            <tr className="h-8 border-b">
              <th scope="col" className="px-3 text-left font-normal">
                Model
              </th>
              <th scope="col" className="px-2 text-right font-normal">
                MASE
              </th>
              <th scope="col" className="px-2 text-right font-normal">
                WAPE
              </th>
              <th scope="col" className="px-2 text-right font-normal">
                sMAPE
              </th>
              <th scope="col" className="px-3 text-right font-normal">
                MAPE
              </th>
            </tr>
          </thead>
          <tbody>
            {candidates.map(({ name, description, floor, chosen, mase, wape, smape, mape }) => (
              <tr key={name} className="min-h-9 border-b last:border-0">
                <th scope="row" className="px-3 py-1.5 text-left font-normal" title={description}>
                  <span className="flex flex-wrap items-center gap-1.5">
                    <span className={cx('whitespace-normal', chosen && 'font-medium')}>{name}</span>
                    {chosen ? <Badge tone="ok">Used</Badge> : null}
                    {floor ? <Badge tone="neutral">Naive floor</Badge> : null}
                  </span>
                </th>
                <td className="px-2 text-right">{figure(mase)}</td>
                <td className="px-2 text-right">{percent(wape)}</td>
                <td className="px-2 text-right">{percent(smape)}</td>
                <td className="px-3 text-right">{percent(mape)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollRegion>
    </section>
  );
}
