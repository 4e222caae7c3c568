/** The demo's model is one that an operator would believe: it is right most of the time, until its orders change. */
import { expect, test } from 'vitest';
import { pastOrders } from './history.ts';
import { type Order, orderBook, waitingOrders } from './orders.ts';

const take = (count: number, shifted: boolean): Order[] => {
  const next = orderBook('test', 1);
  return Array.from({ length: count }, (_, i) => next(i * 1_000, shifted));
};
const right = (orders: readonly Order[]) =>
  orders.filter(({ prediction, truth }) => prediction.prediction === truth.label).length /
  orders.length;
const distance = (orders: readonly Order[]) =>
  orders.reduce((sum, { prediction }) => sum + prediction.features.distance, 0) / orders.length;

test('is right most of the time; a shift moves distances first and answers after that', () => {
  const [well, shifted] = [take(5_000, false), take(5_000, true)];
  expect(right(well)).toBeGreaterThan(0.75);
  expect(right(shifted)).toBeLessThan(right(well) - 0.02);
  expect(distance(shifted) - distance(well)).toBeGreaterThan(3.5);
  // Scores mean what they say.
  const late = well.filter(({ truth }) => truth.label === 'late').length;
  const expected = well.reduce((sum, { prediction }) => sum + prediction.score, 0);
  expect(Math.abs(late - expected) / well.length).toBeLessThan(0.02);
});

test('its past fits one call, ends now, and is the same each time', () => {
  const now = Date.UTC(2026, 0, 10, 12);
  const orders = pastOrders(now);
  expect(orders.length).toBeLessThanOrEqual(10_000);
  expect(new Set(orders.map(({ prediction }) => prediction.id)).size).toBe(orders.length);
  const times = orders.map(({ prediction }) => Date.parse(prediction.at));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(times.at(-1)).toBe(now - 1_000);
  expect(pastOrders(now)).toEqual(orders);
});

test('orders wait at noon and in the evening', () => {
  const at = (hour: number) => waitingOrders(Date.UTC(2026, 0, 7, hour));
  expect(at(19)).toBeGreaterThan(at(16));
  expect(at(12)).toBeGreaterThan(3 * at(4));
});
