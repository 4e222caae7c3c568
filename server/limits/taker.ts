/** Takes tokens: in Redis when it is there, else in this process with this replica's share. */
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { createPatience } from '../platform/patience.ts';
import type { SharedStore } from '../platform/redis/index.ts';
import { createScript } from '../platform/redis/script.ts';
import { type Charge, clampDebt, shareOf, takeAll, waitUs } from './bucket.ts';
import { bucketKey, REDIS_CLOCK, takeArguments, takeScript } from './script.ts';
import { createBucketTable, type KeptCell } from './table.ts';

const MAX_ADDRESSES = 6_000;
const MAX_KNOWN = 4_000;
/** A Redis that takes longer is not waited for; requests count in this process meanwhile. */
const PATIENCE_MS = 250;
const PAUSE_MS = 1_000;

/** What a request has to pass, and where those buckets are, once that was looked up. */
export type Asked = { readonly charges: readonly Charge[]; cells: readonly KeptCell[] | null };
/** What was asked for and what each bucket owes afterwards. `describeTaken` puts it in words. */
export type Taken = {
  readonly allowed: boolean;
  readonly charges: readonly Charge[];
  readonly debtsUs: readonly number[];
};

const take = createScript(takeScript(REDIS_CLOCK));
const within = createPatience(PATIENCE_MS);

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
  const nowUs = () => clock.monotonicMs() * 1000;
  let pausedUntilMs = Number.NEGATIVE_INFINITY;

  const cellsOf = (asked: Asked, now: number): readonly KeptCell[] => {
    const { cells } = asked;
    if (cells !== null) {
      let kept = true;
      for (let i = 0; i < cells.length; i++) if (cells[i]?.kept !== true) kept = false;
      if (kept) return cells;
    }
    asked.cells = asked.charges.map(({ key, subject }) =>
      (subject.startsWith('address:') ? addresses : known).cell(key, now),
    );
    return asked.cells;
  };
  const takeHere = (asked: Asked, now: number): Taken => {
    const replicas = deps.replicas();
    const charges =
      replicas <= 1
        ? asked.charges
        : asked.charges.map((charge) => ({ ...charge, bucket: shareOf(charge.bucket, replicas) }));
    const debtsUs = charges.length === 1 ? [0] : charges.map(() => 0);
    const allowed = takeAll(charges, cellsOf(asked, now), now, debtsUs);
    return { allowed, charges, debtsUs };
  };
  const takeThere = async (asked: Asked): Promise<Taken> => {
    const { charges } = asked;
    const client = store.client();
    if (!client) return takeHere(asked, nowUs());
    const keys: string[] = [];
    for (const { key } of charges) keys.push(bucketKey(key));
    try {
      // The script answers numbers alone: refused or not, then the debts.
      const debtsUs = (await within(
        take(client, keys, takeArguments(charges)),
        'Redis',
      )) as number[];
      const refused = debtsUs.shift();
      const now = nowUs();
      const cells = cellsOf(asked, now);
      for (let i = 0; i < cells.length; i++) {
        const cell = cells[i];
        if (cell) cell.fullAtUs = now + (debtsUs[i] ?? 0);
      }
      return { allowed: refused === 0, charges, debtsUs };
    } catch (err) {
      pausedUntilMs = clock.monotonicMs() + PAUSE_MS;
      log.debug({ err }, 'limits are counted in this process');
      return takeHere(asked, nowUs());
    }
  };

  return {
    shared: () => store.client() !== null && clock.monotonicMs() >= pausedUntilMs,
    /** From all or from none. Answers at once where no Redis is asked. */
    take(asked: Asked): Taken | Promise<Taken> {
      const now = nowUs();
      if (store.client() === null || now < pausedUntilMs * 1000) return takeHere(asked, now);
      const { charges } = asked;
      // Debts only shrink with time: what the mirror refuses Redis would refuse too, and need not be asked.
      const cells = cellsOf(asked, now);
      for (let i = 0; i < charges.length; i++) {
        const charge = charges[i];
        if (!charge || waitUs(charge.bucket, (cells[i]?.fullAtUs ?? 0) - now, charge.cost) <= 0)
          continue;
        const debtsUs = charges.map(({ bucket }, k) =>
          clampDebt(bucket, (cells[k]?.fullAtUs ?? 0) - now),
        );
        return { allowed: false, charges, debtsUs };
      }
      return takeThere(asked);
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
