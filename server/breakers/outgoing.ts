/**
 * The console's own calls through breakers, one for each origin, and retries where a call may be repeated. A server's
 * fault (5xx), no answer and a time-out are failures; what the caller did wrong (4xx) or broke off is not.
 */
import { BreakerOpenError, type Guard, type GuardOptions, type Outcome } from '../client/index.ts';
import { AppError } from '../platform/errors.ts';
import type { HttpAnswer, HttpClient, HttpRequest } from '../platform/http-client.ts';
import { createRetryBudget, type RetryBudget, retryAfterMs, withRetry } from '../platform/retry.ts';

const MAX_ORIGINS = 1_000;
const REPEATABLE = new Set(['GET', 'HEAD', 'PUT', 'DELETE']);
const MAYBE_LATER = new Set([429, 502, 503, 504]);

/** An answer that counts as a failure, on its way through the guard. */
class FailedAnswer extends Error {
  readonly answer: HttpAnswer;
  constructor(answer: HttpAnswer) {
    super(`status ${answer.status}`);
    this.answer = answer;
  }
}

export function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof Error)) return 'failure';
  if (error instanceof AppError && error.code === 'BAD_REQUEST') return 'ignored';
  if ('code' in error && error.code === 'EADDRREFUSED') return 'ignored';
  if (error.name === 'TimeoutError') return 'timeout';
  if ('code' in error && /TIMEOUT|ETIMEDOUT/.test(String(error.code))) return 'timeout';
  return error.name === 'AbortError' ? 'ignored' : 'failure';
}

/**
 * `purpose` begins the breakers' names: `notify https://hooks.slack.com`. While one is open, `send` throws
 * `BreakerOpenError` without a connection. `retry` repeats what may be repeated: GET, HEAD, PUT and DELETE.
 */
export function guardedHttp(
  http: HttpClient,
  breakers: { guard(name: string, options: GuardOptions & { description: string }): Guard },
  options: {
    purpose: string;
    description: string;
    retry?: boolean;
    random: () => number;
    now: () => Date;
  },
): HttpClient {
  const origins = new Map<string, { guard: Guard; budget: RetryBudget }>();
  const of = (origin: string) => {
    const known = origins.get(origin);
    if (known) return known;
    const { description } = options;
    const guard = breakers.guard(`${options.purpose} ${origin}`, { outcomeOf, description });
    const made = { guard, budget: createRetryBudget() };
    origins.set(origin, made);
    if (origins.size > MAX_ORIGINS) origins.delete(origins.keys().next().value ?? '');
    return made;
  };
  const guarded = async (guard: Guard, input: HttpRequest): Promise<HttpAnswer> => {
    try {
      return await guard.run(async () => {
        const answer = await http.send(input);
        if (answer.status >= 500) throw new FailedAnswer(answer);
        return answer;
      });
    } catch (error) {
      if (error instanceof FailedAnswer) return error.answer;
      throw error;
    }
  };
  return {
    addresses: http.addresses,
    async send(input) {
      const url = URL.parse(input.url);
      if (!url || !/^https?:$/.test(url.protocol)) return http.send(input);
      const { guard, budget } = of(url.origin);
      if (!options.retry || !REPEATABLE.has(input.method ?? 'GET')) return guarded(guard, input);
      return withRetry(() => guarded(guard, input), {
        budget,
        random: options.random,
        signal: input.signal,
        again(end) {
          if ('error' in end) {
            const open = end.error instanceof BreakerOpenError;
            return open || outcomeOf(end.error) === 'ignored' ? false : null;
          }
          if (!MAYBE_LATER.has(end.result.status)) return false;
          const header = end.result.headers['retry-after'];
          return retryAfterMs(Array.isArray(header) ? header[0] : header, options.now());
        },
      });
    },
    close: () => http.close(),
  };
}
