/** One POST to a receiver, and what its answer means. */
import { BreakerOpenError } from '../../client/index.ts';
import type { HttpClient } from '../../platform/http-client.ts';
import { retryAfterMs } from '../../platform/retry.ts';
import { clip, oneLine } from '../text.ts';
import type { Outcome, SendContext } from './port.ts';

const MAX_ANSWER_BYTES = 64 * 1024;
const SHOWN = 300;

export async function post(
  http: HttpClient,
  request: { url: string; headers: Record<string, string>; body: string },
  context: SendContext,
  judge: {
    accepts(status: number, body: string): boolean;
    refuses(status: number): boolean;
  },
): Promise<Outcome> {
  const { timeoutMs, signal, now } = context;
  try {
    const answer = await http.send({
      ...request,
      method: 'POST',
      timeoutMs,
      signal,
      maxBodyBytes: MAX_ANSWER_BYTES,
    });
    const { status } = answer;
    const body = answer.body.toString('utf8');
    const detail = clip(oneLine(`${status} ${body}`), SHOWN);
    if (judge.accepts(status, body)) return { ok: true, status, detail };
    const header = answer.headers['retry-after'];
    const wait = retryAfterMs(Array.isArray(header) ? header[0] : header, now);
    return {
      ok: false,
      permanent: judge.refuses(status),
      status,
      detail,
      ...(wait === null ? {} : { retryAfterMs: wait }),
    };
  } catch (error) {
    return failureWithoutAnswer(error);
  }
}

/** No answer came; or nothing was sent, because the receiver's breaker is open. */
export function failureWithoutAnswer(error: unknown): Outcome {
  const failure = { ok: false, status: null, permanent: isRefused(error) } as const;
  if (!(error instanceof BreakerOpenError)) return { ...failure, detail: noAnswer(error) };
  const wait = error.retryAfterMs;
  return { ...failure, detail: error.message, ...(wait ? { retryAfterMs: wait } : {}) };
}

/** The address itself is not allowed; see `server/platform/http-client.ts`. */
export function isRefused(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRREFUSED';
}

/** Why there was no answer, in a few words. */
export function noAnswer(error: unknown): string {
  if (!(error instanceof Error)) return 'No answer';
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'No answer in time';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null;
  const text = clip(oneLine(error.message), SHOWN);
  if (text === '') return code ? `No connection (${code})` : 'No connection';
  return code && !text.includes(code) ? `${text} (${code})` : text;
}
