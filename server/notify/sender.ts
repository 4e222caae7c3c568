/**
 * The sender: claims what is due, gives it its channel's form, sends it, and writes down how that ended. At most eight
 * messages at once, two of them to one channel, so that a receiver that hangs does not hold the others.
 */
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { type Log, scrub } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Secrets } from '../platform/secrets.ts';
import type { Folding } from './folding.ts';
import type { Claimed, Outbox } from './outbox.ts';
import type { Outcome, Outgoing } from './senders/port.ts';
import type { Transmit } from './senders/transmit.ts';
import { type PagerDutySettings, type Settings, secretsIn, withoutSecrets } from './settings.ts';

const POLL_MS = 1_000;
const DEPTH_EVERY_MS = 10_000;
const SLOTS = 8;
const CHANNEL_SLOTS = 2;
const SEND_TIMEOUT_MS = 10_000;
const COMPLETE_TRIES = 3;
const COMPLETE_PAUSE_MS = 500;

export const sealContext = (channelId: string) => `channel:${channelId}`;

export type Sender = {
  /** Sends what is due, and what that makes due, until nothing is left; answers how many attempts it made. */
  tick(): Promise<number>;
  /** One message whose claim the caller holds. */
  deliver(claimed: Claimed): Promise<Outcome>;
  /** This process looks at once, if it is started. */
  look(): void;
  start(): void;
  /** Claims nothing more and waits for what is under way. */
  close(): Promise<void>;
};

export function createSender(deps: {
  db: Db;
  bus: Bus;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  secrets: Secrets;
  outbox: Outbox;
  folding: Folding;
  transmit: Transmit;
}): Sender {
  const { db, bus, clock, log, metrics, secrets, outbox, folding, transmit } = deps;
  const inFlight = new Map<Promise<void>, string>();
  const closing = new AbortController();
  let started = false;
  let attempts = 0;
  let filling: Promise<void> | null = null;
  let again = false;
  let timer: NodeJS.Timeout | undefined;
  let depthTimer: NodeJS.Timeout | undefined;
  let depth: Record<string, number> = { pending: 0, sending: 0, dead: 0 };
  const ended = metrics.counter(
    'notify_deliveries_total',
    'Attempts at messages by kind of channel and how they ended.',
    ['kind', 'outcome'],
  );
  metrics.gauges(
    'notify_outbox',
    'Messages that are not delivered, by state; counted every ten seconds.',
    'state',
    () => depth,
  );

  /** A thread stays with the PagerDuty service where it began, whatever the channel's key is now. */
  const routeOf = async (
    claimed: Claimed,
    settings: PagerDutySettings,
    threadRoute: string | null,
  ): Promise<PagerDutySettings | null> => {
    const context = sealContext(claimed.channelId);
    const sealed = claimed.message.route ?? threadRoute;
    // It was sealed from settings of this kind.
    const route = sealed
      ? (JSON.parse(secrets.open(sealed, context)) as PagerDutySettings)
      : settings;
    if (claimed.message.route !== undefined) return route;
    const kept = await outbox.keepRoute(claimed, secrets.seal(JSON.stringify(route), context));
    return kept ? route : null;
  };

  const attempt = async (
    claimed: Claimed,
  ): Promise<{ outcome: Outcome; hide: string[] } | null> => {
    // It was sealed from settings.
    let settings = JSON.parse(
      secrets.open(claimed.sealed, sealContext(claimed.channelId)),
    ) as Settings;
    const thread =
      claimed.channelKind === 'email' || claimed.channelKind === 'pagerduty'
        ? await outbox.threadState(claimed)
        : { rootId: null, route: null };
    if (settings.kind === 'pagerduty') {
      const route = await routeOf(claimed, settings, thread.route);
      if (!route) return null;
      settings = route;
    }
    const message: Outgoing =
      claimed.kind === 'rollup'
        ? { ...claimed.message, ...(await outbox.rollupLines(claimed)) }
        : claimed.message;
    const timeout = AbortSignal.timeout(SEND_TIMEOUT_MS);
    const outcome = await Promise.race([
      transmit(settings, message, {
        id: claimed.id,
        rootId: thread.rootId,
        now: clock.now(),
        timeoutMs: SEND_TIMEOUT_MS,
        signal: timeout,
      }),
      // Whatever a sender does, its slot is free again.
      aborted(timeout),
    ]);
    return { outcome, hide: secretsIn(settings) };
  };

  const complete = async (claimed: Claimed, outcome: Outcome) => {
    for (let tries = 1; ; tries++) {
      try {
        return await outbox.complete(claimed, outcome);
      } catch (err) {
        // What was sent and not written down is sent again when the lease is over.
        if (tries >= COMPLETE_TRIES) throw err;
        await pause(COMPLETE_PAUSE_MS);
      }
    }
  };

  const deliver = async (claimed: Claimed): Promise<Outcome> => {
    attempts++;
    let outcome: Outcome;
    try {
      const result = await attempt(claimed);
      if (!result) return lost;
      const detail = scrub(withoutSecrets(result.outcome.detail, result.hide));
      outcome = { ...result.outcome, detail };
    } catch (err) {
      log.error({ err, deliveryId: claimed.id }, 'a message could not be prepared');
      const detail = err instanceof AppError ? err.publicMessage : 'The console failed';
      outcome = { ok: false, permanent: false, status: null, detail };
    }
    const how = await complete(claimed, outcome);
    if (how === null) return lost;
    ended.inc({ kind: claimed.channelKind, outcome: how });
    if (!outcome.ok) {
      const { status, detail } = outcome;
      const { id, channelId, attempts: attempt } = claimed;
      log.warn({ deliveryId: id, channelId, attempt, status, detail, how }, 'not delivered');
    }
    bus.publish({ topic: 'notify', type: how, id: claimed.id });
    return outcome;
  };

  const launch = (claimed: Claimed): void => {
    const run: Promise<void> = deliver(claimed)
      .then(
        () => undefined,
        (err) => log.warn({ err, deliveryId: claimed.id }, 'the end of a message was not written'),
      )
      .finally(() => {
        inFlight.delete(run);
        // What it held may go now, also when claims are being made at this moment.
        again = true;
        look();
      });
    inFlight.set(run, claimed.channelId);
  };
  const taken = (channelId: string) =>
    [...inFlight.values()].filter((busy) => busy === channelId).length;

  const fillOnce = async () => {
    for (const channelId of await folding.waiting()) {
      const slots = Math.min(SLOTS - inFlight.size, CHANNEL_SLOTS - taken(channelId));
      const { claimed, folded } = await folding.settle(channelId, Math.max(0, slots));
      for (const each of claimed) launch(each);
      if (folded > 0) bus.publish({ topic: 'notify', type: 'folded' });
    }
    while (inFlight.size < SLOTS && !closing.signal.aborted) {
      const full = [...new Set(inFlight.values())].filter((id) => taken(id) >= CHANNEL_SLOTS);
      const limit = Math.min(CHANNEL_SLOTS, SLOTS - inFlight.size);
      const claimed = await outbox.claim(limit, full);
      for (const each of claimed) launch(each);
      if (claimed.length === 0) return;
    }
  };
  /** Claims never overlap; whoever asks meanwhile is heard afterwards. */
  const fill = (): Promise<void> => {
    if (closing.signal.aborted) return filling ?? Promise.resolve();
    again = true;
    filling ??= (async () => {
      try {
        while (again && !closing.signal.aborted) {
          again = false;
          await fillOnce();
        }
      } finally {
        // In the same step as the last look at `again`: nobody asks in between unheard.
        filling = null;
      }
    })();
    return filling;
  };
  const look = () => {
    if (!started || closing.signal.aborted || !db.status().up) return;
    fill().catch((err) => log.warn({ err }, 'messages that are due could not be claimed'));
  };
  const countDepth = () => {
    if (!db.status().up) return;
    outbox.depth().then(
      (counted) => {
        depth = counted;
      },
      (err) => log.debug({ err }, 'the outbox could not be counted'),
    );
  };
  let stopListening = () => {};

  return {
    async tick() {
      const before = attempts;
      for (;;) {
        await fill();
        if (again && !closing.signal.aborted) continue;
        if (inFlight.size === 0) return attempts - before;
        await Promise.race(inFlight.keys());
      }
    },
    deliver,
    look,
    start() {
      if (started) return;
      started = true;
      // Another process may have queued it.
      stopListening = bus.on('notify', ({ type }) => {
        if (type === 'queued') look();
      });
      timer = setInterval(look, POLL_MS);
      timer.unref();
      depthTimer = setInterval(countDepth, DEPTH_EVERY_MS);
      depthTimer.unref();
      countDepth();
      look();
    },
    async close() {
      closing.abort();
      clearInterval(timer);
      clearInterval(depthTimer);
      stopListening();
      await filling?.catch(() => undefined);
      await Promise.all(inFlight.keys());
    },
  };
}

const lost: Outcome = {
  ok: false,
  permanent: false,
  status: null,
  detail: 'Another process has taken it over.',
};

const aborted = (signal: AbortSignal) =>
  new Promise<Outcome>((resolve) => {
    const detail = `No answer within ${SEND_TIMEOUT_MS / 1000} s`;
    signal.addEventListener(
      'abort',
      () => resolve({ ok: false, permanent: false, status: null, detail }),
      { once: true },
    );
  });

const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });
