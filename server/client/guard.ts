/**
 * Guards a function with a breaker: decided in this process, without a question to anybody while it is closed or open.
 * One timer serves all calls of a guard that have the same time-out.
 */
import { type Breaker, type Outcome, REJECTED } from './breaker.ts';
import type { BreakerGroup } from './group.ts';

/** The call was not made: the breaker is open, or its trial calls are under way. */
export class BreakerOpenError extends Error {
  override readonly name = 'BreakerOpenError';
  readonly code = 'EBREAKEROPEN';
  /** Milliseconds until a call may be tried; null while an operator holds the breaker open. */
  readonly retryAfterMs: number | null;
  constructor(breaker: string, retryAfterMs: number | null) {
    super(`The breaker ${breaker} is open.`);
    this.retryAfterMs = retryAfterMs;
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
  const outcomeOf = options.outcomeOf ?? defaultOutcome;
  const deadlines =
    options.timeoutMs === undefined ? null : createDeadlines(options.timeoutMs, now);

  const finish = async <T>(
    token: number,
    call: (signal: AbortSignal | undefined) => Promise<T>,
  ): Promise<T> => {
    const started = now();
    try {
      const result = deadlines ? await deadlines.run(call, started) : await call(undefined);
      group.record(breaker, token, 'success', now() - started);
      return result;
    } catch (error) {
      group.record(breaker, token, outcomeOf(error), now() - started);
      throw error;
    }
  };
  const refuse = () => {
    // Without a stack: it would cost more than all the rest, and says nothing that the name does not.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    const error = new BreakerOpenError(breaker.name, breaker.retryAfterMs(now()));
    Error.stackTraceLimit = stackTraceLimit;
    return Promise.reject(error);
  };
  return {
    breaker,
    run(call) {
      const token = group.admit(breaker);
      if (typeof token !== 'number') {
        return token.then((given) => (given === REJECTED ? refuse() : finish(given, call)));
      }
      return token === REJECTED ? refuse() : finish(token, call);
    },
  };
}

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
