/**
 * Remedy over HTTP, signed after Standard Webhooks (standardwebhooks.com): `webhook-id`, `webhook-timestamp`,
 * `webhook-signature: v1,base64(HMAC-SHA256(secret, id.timestamp.body))`. The id is the run's, so that a receiver
 * that has seen it does nothing twice; it also stands in `idempotency-key`.
 */
import type { Clock } from '../../platform/clock.ts';
import type { HttpClient } from '../../platform/http-client.ts';
import { signWebhook } from '../../platform/webhook-signature.ts';
import { describeFault } from '../checks/faults.ts';
import { REMEDY_TIMEOUT_MS, type RemedyOutcome, type RemedyRequest } from './port.ts';

export async function callWebhook(
  http: HttpClient,
  clock: Clock,
  url: string,
  request: RemedyRequest,
): Promise<RemedyOutcome> {
  const body = JSON.stringify({
    type: 'remedy.requested',
    runId: request.runId,
    attempt: request.attempt,
    target: request.target,
    symptom: request.symptom,
    incidentId: request.incidentId,
  });
  const timestamp = Math.floor(clock.now().getTime() / 1000);
  try {
    const answer = await http.send({
      url,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'idempotency-key': request.runId,
        'webhook-id': request.runId,
        'webhook-timestamp': String(timestamp),
        ...(request.secret
          ? { 'webhook-signature': signWebhook(request.secret, request.runId, timestamp, body) }
          : {}),
      },
      body,
      timeoutMs: REMEDY_TIMEOUT_MS,
      maxBodyBytes: 16 * 1024,
      signal: request.signal,
    });
    const ok = answer.status >= 200 && answer.status < 300;
    return {
      ok,
      detail: `the webhook answered ${answer.status}`,
      output: answer.body.toString('utf8') || null,
    };
  } catch (error) {
    if (request.signal.aborted) throw error;
    return {
      ok: false,
      detail: `the webhook could not be called: ${describeFault(error, REMEDY_TIMEOUT_MS).detail}`,
      output: null,
    };
  }
}
