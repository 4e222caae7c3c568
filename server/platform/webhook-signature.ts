/**
 * Standard Webhooks (standardwebhooks.com): the value of `webhook-signature` is `v1,` and base64 of HMAC-SHA256 over
 * `id.timestamp.body`. A secret that begins with `whsec_` is base64 after it; any other is taken as it is written.
 */
import { createHmac } from 'node:crypto';

/** `timestamp` is in whole seconds since 1970, as in the header `webhook-timestamp`. */
export function signWebhook(secret: string, id: string, timestamp: number, body: string): string {
  const key = secret.startsWith('whsec_')
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret, 'utf8');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}
