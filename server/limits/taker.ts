/** Takes tokens: in Redis when it is there, else in this process with this replica's share. */
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { within } from '../platform/patience.ts';
import type { SharedStore } from '../platform/redis/index.ts';
import { createScript } from '../platform/redis/script.ts';
import { type Charge, shareOf, takeAll, tokensLeft, waitUs } from './bucket.ts';
import { bucketKey, REDIS_CLOCK, takeScript } from './script.ts';
import { createBucketTable } from './table.ts';

const MAX_ADDRESSES = 6_000;
const MAX_KNOWN = 4_000;
/** A Redis that takes longer is not waited for; requests count in this process meanwhile. */
const PATIENCE_MS = 250;
const PAUSE_MS = 1_000;

export type Taken = {
  allowed: boolean;
  limits: {
    name: string;
    subject: string;
    perMinute: number;
    burst: number;
    remaining: number;
    /** Until the bucket is full. */
    resetMs: number;
    /** Until this limit lets the request through. */
    waitMs: number;
  }[];
};

const take = createScript(takeScript(REDIS_CLOCK));

export type Taker = ReturnType<typeof createTaker>;

export function createTaker(deps: {
  store: SharedStore;
  clock: Clock;
  log: Log;
  replicas: () => number;
}) {
  const { store, clock, log } = deps;
  // Two tables, so that a flood of addresses leaves those who proved who they are alone.
  const addresses = createBucketTable(MAX_ADDRESSES);
  const known = createBucketTable(MAX_KNOWN);
  const tableOf = ({ subject }: Charge) => (subject.startsWith('address:') ? addresses : known);
  const keyOf = ({ limit, subject }: Charge) => `${limit}|${subject}`;
  const nowUs = () => Math.round(clock.monotonicMs() * 1000);
  let pausedUntilMs = Number.NEGATIVE_INFINITY;

  const answer = (
    charges: readonly Charge[],
    allowed: boolean,
    debts: readonly number[],
  ): Taken => ({
    allowed,
    limits: charges.map(({ limit, subject, perMinute, bucket, cost }, i) => ({
      name: limit,
      subject,
      perMinute,
      burst: bucket.burst,
      remaining: tokensLeft(bucket, debts[i] ?? 0),
      resetMs: (debts[i] ?? 0) / 1000,
      waitMs: allowed ? 0 : waitUs(bucket, debts[i] ?? 0, cost) / 1000,
    })),
  });
  const debtsHere = (charges: readonly Charge[], now: number) =>
    charges.map((charge) => tableOf(charge).debt(keyOf(charge), now));
  const remember = (charges: readonly Charge[], debts: readonly number[], now: number) => {
    for (const [i, charge] of charges.entries())
      tableOf(charge).set(keyOf(charge), debts[i] ?? 0, now);
  };
  const takeHere = (charges: readonly Charge[]): Taken => {
    const replicas = deps.replicas();
    const shared =
      replicas <= 1
        ? charges
        : charges.map((charge) => ({ ...charge, bucket: shareOf(charge.bucket, replicas) }));
    const now = nowUs();
    const { allowed, debtsUs } = takeAll(shared, debtsHere(shared, now));
    if (allowed) remember(shared, debtsUs, now);
    return answer(shared, allowed, debtsUs);
  };
  const takeThere = async (charges: readonly Charge[]): Promise<Taken> => {
    const client = store.client();
    if (!client) return takeHere(charges);
    const asked = take(
      client,
      charges.map(({ limit, subject }) => bucketKey(limit, subject)),
      charges.flatMap(({ bucket, cost }) => [bucket.intervalUs, bucket.burst, cost]),
    );
    try {
      // The script answers numbers alone.
      const [refused = 0, ...debts] = (await within(PATIENCE_MS, asked, 'Redis')) as number[];
      remember(charges, debts, nowUs());
      return answer(charges, refused === 0, debts);
    } catch (err) {
      pausedUntilMs = clock.monotonicMs() + PAUSE_MS;
      log.debug({ err }, 'limits are counted in this process');
      return takeHere(charges);
    }
  };
  const isShared = () => store.client() !== null && clock.monotonicMs() >= pausedUntilMs;

  return {
    shared: isShared,
    /** From all or from none. Answers at once where no Redis is asked. */
    take(charges: readonly Charge[]): Taken | Promise<Taken> {
      if (!isShared()) return takeHere(charges);
      // Debts only shrink with time: what the mirror refuses Redis would refuse too, and need not be asked.
      const debts = debtsHere(charges, nowUs());
      const refused = charges.some(
        ({ bucket, cost }, i) => waitUs(bucket, debts[i] ?? 0, cost) > 0,
      );
      return refused ? answer(charges, false, debts) : takeThere(charges);
    },
    /** Every bucket that is not full, as this process last saw it. */
    *withDebt(): Generator<readonly [key: string, debtUs: number]> {
      const now = nowUs();
      yield* addresses.withDebt(now);
      yield* known.withDebt(now);
    },
    size: () => addresses.size() + known.size(),
  };
}
