/**
 * The receiving side of Standard Webhooks (standardwebhooks.com): `webhook-id`, `webhook-timestamp` (Unix seconds),
 * `webhook-signature: v1,base64(HMAC-SHA256(secret, id.timestamp.body))`, several of them separated by spaces.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export const TOLERANCE_SECONDS = 5 * 60;
const MAX_REMEMBERED = 1_000;

export function signature(secret: string, id: string, timestamp: number, body: string): string {
  const key = secret.startsWith('whsec_')
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret, 'utf8');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

/** The webhook's id when the call is genuine and recent, else why it is refused. */
export function verify(
  secret: string,
  headers: IncomingHttpHeaders,
  body: string,
): { id: string } | { refused: string } {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  const given = headers['webhook-signature'];
  if (typeof id !== 'string' || id === '' || id.length > 200) {
    return { refused: 'webhook-id is missing' };
  }
  if (typeof timestamp !== 'string' || !/^\d{1,12}$/.test(timestamp)) {
    return { refused: 'webhook-timestamp is missing' };
  }
  if (typeof given !== 'string') return { refused: 'webhook-signature is missing' };
  const right = Buffer.from(signature(secret, id, Number(timestamp), body));
  const genuine = given.split(' ').some((each) => {
    const bytes = Buffer.from(each);
    return bytes.length === right.length && timingSafeEqual(bytes, right);
  });
  if (!genuine) return { refused: 'the signature does not fit' };
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) {
    return { refused: 'the message is too old' };
  }
  return { id };
}

/** Does each piece of work once an id; whoever asks again, also while it is under way, gets the first answer. */
export function onceEach<T>(): (id: string, work: () => Promise<T>) => Promise<T> {
  const answers = new Map<string, Promise<T>>();
  return (id, work) => {
    const before = answers.get(id);
    if (before) return before;
    const answer = work();
    answers.set(id, answer);
    const [oldest] = answers.keys();
    if (answers.size > MAX_REMEMBERED && oldest !== undefined) answers.delete(oldest);
    return answer;
  };
}
