/**
 * Guards a function with a breaker: decided in this process, without a question to anybody while it is closed or open.
 * One timer serves all calls of a guard that have the same time-out.
 */
import { type Breaker, type Outcome, REJECTED } from './breaker.ts';
import type { BreakerGroup } from './group.ts';

/**
 * The call was not made: the breaker is open, or its trial calls are under way. One for each guard, without a stack: to
 * make it anew would cost more than all the rest.
 */
export class BreakerOpenError extends Error {
  override readonly name = 'BreakerOpenError';
  readonly code = 'EBREAKEROPEN';
  readonly #retryAfterMs: () => number | null;
  constructor(breaker: string, retryAfterMs: () => number | null) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(`The breaker ${breaker} is open.`);
    Error.stackTraceLimit = stackTraceLimit;
    this.#retryAfterMs = retryAfterMs;
  }
  /** Milliseconds from now until a call may be tried; null while an operator holds the breaker open. */
  get retryAfterMs(): number | null {
    return this.#retryAfterMs();
  }
}

/** The call took longer than its time-out; it may still be running. */
export class CallTimeoutError extends Error {
  override readonly name = 'CallTimeoutError';
  readonly code = 'ETIMEDOUT';
}

export type Guard = {
  /** Runs `call` unless the breaker is open; its failure is thrown on as it is. */
  run<T>(call: (signal: AbortSignal | undefined) => Promise<T>): Promise<T>;
  readonly breaker: Breaker;
};
export type GuardOptions = {
  /** After this long a call counts as timed out, and its signal is aborted. */
  timeoutMs?: number;
  /** What a thrown error means; by default an aborted call is `ignored` and all else a `failure`. */
  outcomeOf?: (error: unknown) => Outcome;
};

const defaultOutcome = (error: unknown): Outcome => {
  if (!(error instanceof Error)) return 'failure';
  if (error.name === 'TimeoutError' || error instanceof CallTimeoutError) return 'timeout';
  return error.name === 'AbortError' ? 'ignored' : 'failure';
};

export function createGuard(
  group: BreakerGroup,
  breaker: Breaker,
  now: () => number,
  options: GuardOptions = {},
): Guard {
  return new BreakerGuard(group, breaker, now, options);
}

const settled = Promise.resolve();

// A class, because there may be thousands: methods are shared, closures are not.
class BreakerGuard implements Guard {
  readonly breaker: Breaker;
  readonly #group: BreakerGroup;
  readonly #now: () => number;
  readonly #outcomeOf: (error: unknown) => Outcome;
  readonly #deadlines: Deadlines | null;
  #refuse: (() => never) | null = null;

  constructor(group: BreakerGroup, breaker: Breaker, now: () => number, options: GuardOptions) {
    this.breaker = breaker;
    this.#group = group;
    this.#now = now;
    this.#outcomeOf = options.outcomeOf ?? defaultOutcome;
    const { timeoutMs } = options;
    this.#deadlines = timeoutMs === undefined ? null : createDeadlines(timeoutMs, now);
  }

  run<T>(call: (signal: AbortSignal | undefined) => Promise<T>): Promise<T> {
    const { breaker } = this;
    const passing = breaker.pass();
    if (passing !== REJECTED) return this.#finish(passing, call);
    const token = this.#group.admit(breaker);
    if (typeof token !== 'number') {
      return token.then((given) =>
        given === REJECTED ? this.#refused() : this.#finish(given, call),
      );
    }
    return token === REJECTED ? this.#refused() : this.#finish(token, call);
  }

  async #finish<T>(
    token: number,
    call: (signal: AbortSignal | undefined) => Promise<T>,
  ): Promise<T> {
    const deadlines = this.#deadlines;
    // The clock is read only when somebody asks how long it took.
    const started = deadlines || this.breaker.isTimed ? this.#now() : 0;
    try {
      const result = deadlines ? await deadlines.run(call, started) : await call(undefined);
      const ended = this.#now();
      this.#group.record(this.breaker, token, 'success', ended - started, ended);
      return result;
    } catch (error) {
      const ended = this.#now();
      const outcome = this.#outcomeOf(error);
      this.#group.record(this.breaker, token, outcome, ended - started, ended);
      throw error;
    }
  }

  #refused(): Promise<never> {
    if (!this.#refuse) {
      const { breaker } = this;
      const now = this.#now;
      const error = new BreakerOpenError(breaker.name, () => breaker.retryAfterMs(now()));
      this.#refuse = () => {
        throw error;
      };
    }
    // A turn later, when the caller waits already: a rejection that nobody awaits yet is tracked by Node, at a price.
    return settled.then(this.#refuse);
  }
}

type Deadlines = ReturnType<typeof createDeadlines>;

/** Calls with the same time-out end in the order in which they began, so that one timer is enough. */
function createDeadlines(timeoutMs: number, now: () => number) {
  type Entry = { at: number; over: () => void };
  const entries = new Set<Entry>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const arm = () => {
    for (const { at } of entries) {
      timer = setTimeout(sweep, Math.max(1, at - now()));
      return;
    }
    timer = undefined;
  };
  const sweep = () => {
    const time = now();
    for (const entry of entries) {
      if (entry.at > time) break;
      entries.delete(entry);
      entry.over();
    }
    arm();
  };
  return {
    run<T>(call: (signal: AbortSignal) => Promise<T>, started: number): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        const control = new AbortController();
        const over = () => {
          const error = new CallTimeoutError(`No answer within ${timeoutMs} ms.`);
          reject(error);
          control.abort(error);
        };
        const entry = { at: started + timeoutMs, over };
        entries.add(entry);
        if (timer === undefined) arm();
        const end = () => {
          entries.delete(entry);
          if (entries.size > 0 || timer === undefined) return;
          clearTimeout(timer);
          timer = undefined;
        };
        let running: Promise<T>;
        try {
          running = call(control.signal);
        } catch (error) {
          end();
          reject(error);
          return;
        }
        running.then(resolve, reject).finally(end);
      });
    },
  };
}
