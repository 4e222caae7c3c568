/** The models that stand for election, and the floor. */
import { mstl } from './mstl.ts';
import { searchOrder } from './order-search.ts';
import { fitSarima, type Order, orderText } from './sarima.ts';
import { median, seasonalNaive, theta } from './simple.ts';
import { identity, type Transform } from './transform.ts';

/** All forecasts of one origin, by name of the candidate. */
export type Forecasts = ReadonlyMap<string, Float64Array>;
export type Candidates = {
  floor: string;
  describe(name: string): string;
  /** From the end of `y`. Those that could not be fitted are absent; the floor always is there. */
  forecast(y: Float64Array, steps: number): Forecasts;
};

/** Orders are chosen once, on `y`; from other origins only the parameters are found anew. */
export function createCandidates(
  y: Float64Array,
  seasons: readonly number[],
  transforms: readonly Transform[],
  expired: () => boolean,
): Candidates {
  const [main = 1] = seasons;
  const floor = main > 1 ? `seasonal naive ${main}` : 'naive';
  const orders = new Map<Transform, { order: Order; free: Float64Array }>();
  for (const transform of transforms) {
    const found = searchOrder(transform.forward(y), main, expired);
    if (found) orders.set(transform, { order: found.order, free: found.free });
  }
  const words = new Map<string, string>([
    [
      floor,
      main > 1
        ? `The same step of the last season (${main} steps) again.`
        : 'The last value again.',
    ],
  ]);
  return {
    floor,
    describe: (name) => words.get(name) ?? '',
    forecast(history, steps) {
      const out = new Map<string, Float64Array>();
      const naive = seasonalNaive(history, main, steps);
      out.set(floor, naive);
      const add = (name: string, what: string, values: Float64Array | null) => {
        if (!values?.every((value) => Number.isFinite(value) && Math.abs(value) < 1e300))
          return null;
        words.set(name, what);
        out.set(name, values);
        return values;
      };
      const [, long] = seasons;
      if (long && history.length > 2 * long)
        add(
          `seasonal naive ${long}`,
          `The same step of the last long season (${long} steps) again.`,
          seasonalNaive(history, long, steps),
        );
      for (const transform of transforms) {
        const on = transform === identity ? '' : ` on ${transform.name}`;
        const z = transform.forward(history);
        const back = (values: Float64Array | null | undefined) =>
          values ? transform.back(values) : null;
        const known = orders.get(transform);
        const fitted =
          known && (fitSarima(z, known.order, known.free) ?? fitSarima(z, known.order));
        const arima = known
          ? add(
              `${orderText(known.order)}${on}`,
              'Autoregression and moving average of the differenced series; orders by AICc.',
              back(fitted?.forecast(steps)),
            )
          : null;
        const split = add(
          `MSTL${on}`,
          `Seasons of ${seasons.join(' and ')} steps taken out by local regression, the rest smoothed exponentially.`,
          back(mstl(z, seasons, steps)),
        );
        const line =
          seasons.length === 0
            ? add(
                `Theta${on}`,
                'Exponential smoothing with half the slope of the whole history.',
                back(theta(z, steps)),
              )
            : null;
        const members = [arima, split, line].filter((each) => each !== null);
        if (members.length > 1 || (members.length === 1 && seasons.length > 0))
          add(
            `median${on}`,
            `At each step the middle one of ${[arima && orderText((known as { order: Order }).order), split && 'MSTL', line && 'Theta', floor].filter(Boolean).join(', ')}.`,
            median([...members, naive]),
          );
      }
      return out;
    },
  };
}
