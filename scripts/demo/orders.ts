/** The orders of the demo and the model that says which will be late. Pure and seeded: the same numbers at every start. */
import { seeded } from './workloads.ts';

export const MODEL = 'late orders';
/** An order is delivered so long after it was taken; until then nobody knows whether it was late. */
export const DELIVERY_MS = 15 * 60_000;
const HOUR_MS = 3_600_000;
const LATE_FROM = 0.5;
/** What a new district that nobody told the model of does to orders. */
const SHIFT = { km: 4, lateness: 1.2 };

export const features = [
  { name: 'distance', kind: 'numeric', unit: 'km', min: 0, max: 60 },
  { name: 'items', kind: 'numeric', min: 1 },
  { name: 'courier', kind: 'categorical' },
  { name: 'weather', kind: 'categorical' },
] as const;
export const outcomes = { late: 'late', onTime: 'on time' } as const;
type Outcome = (typeof outcomes)[keyof typeof outcomes];

export type Order = {
  prediction: {
    id: string;
    at: string;
    features: { distance: number; items: number; courier: string; weather: string };
    prediction: Outcome;
    /** The probability of being late. */
    score: number;
    version: string;
  };
  /** What will turn out, and when. */
  truth: { label: Outcome; at: number };
};

const chance = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** The orders of one sender, one after another; `prefix` keeps its ids from others'. */
export function orderBook(prefix: string, seed: number) {
  const random = seeded(seed);
  const waiting = (mean: number) => -mean * Math.log(1 - random());
  let number = 0;
  return (at: number, shifted: boolean): Order => {
    const distance = Math.round(10 * (0.5 + waiting(2.5) + (shifted ? SHIFT.km : 0))) / 10;
    const items = 1 + Math.floor(waiting(2));
    const draw = random();
    const courier = draw < 0.5 ? 'bike' : draw < 0.8 ? 'scooter' : 'car';
    const weather = random() < 0.25 ? 'rain' : 'dry';
    const logit =
      -3.4 +
      0.55 * distance +
      0.1 * items +
      (weather === 'rain' ? 1.2 : 0) +
      { bike: 0.4, scooter: 0, car: -0.4 }[courier];
    const score = Math.round(1e4 * chance(logit)) / 1e4;
    const late = random() < chance(logit + (shifted ? SHIFT.lateness : 0));
    number += 1;
    return {
      prediction: {
        id: `${prefix}-${number}`,
        at: new Date(at).toISOString(),
        features: { distance, items, courier, weather },
        prediction: score >= LATE_FROM ? outcomes.late : outcomes.onTime,
        score,
        version: 'v1',
      },
      truth: { label: late ? outcomes.late : outcomes.onTime, at: at + DELIVERY_MS },
    };
  };
}

/** Orders that wait to be delivered: many at noon and in the evening, fewer at weekends. */
export function waitingOrders(at: number): number {
  const day = 24 * HOUR_MS;
  const hour = ((at % day) / HOUR_MS + 24) % 24;
  const weekend = [0, 6].includes(new Date(at).getUTCDay());
  const peak = (around: number, width: number) => Math.exp(-(((hour - around) / width) ** 2) / 2);
  const noise = seeded(Math.floor(at / 60_000))() - 0.5;
  const mean = 12 + 60 * peak(12.5, 2) + 85 * peak(19, 2.5);
  return Math.max(0, Math.round(mean * (weekend ? 0.75 : 1) * (1 + 0.15 * noise)));
}
