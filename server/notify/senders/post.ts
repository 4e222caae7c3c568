/** One POST to a receiver, and what its answer means. */
import type { HttpClient } from '../../platform/http-client.ts';
import { retryAfterMs } from '../backoff.ts';
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
    return { ok: false, permanent: isRefused(error), status: null, detail: noAnswer(error) };
  }
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
