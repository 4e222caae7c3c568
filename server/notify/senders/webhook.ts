/**
 * A webhook of one's own: CloudEvents 1.0 in structured JSON, signed after the Standard Webhooks specification
 * (HMAC-SHA256 over `id.timestamp.body`). The CloudEvents `id` and `webhook-id` are the delivery's and stay the same
 * at every attempt; the signature is made anew each time.
 */
import type { HttpClient } from '../../platform/http-client.ts';
import { signWebhook } from '../../platform/webhook-signature.ts';
import type { WebhookSettings } from '../settings.ts';
import { absoluteUrl } from '../text.ts';
import type { Outgoing, RenderContext, Sender } from './port.ts';
import { post } from './post.ts';

export type CloudEvent = {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  subject: string;
  time: string;
  datacontenttype: 'application/json';
  data: Omit<Outgoing, 'href' | 'lines' | 'more'> & { url: string };
};

function render(message: Outgoing, { id, publicUrl }: RenderContext): CloudEvent {
  const { key, kind, thread, severity, title, text, facts, at } = message;
  return {
    specversion: '1.0',
    id,
    source: publicUrl,
    type: `dev.wheelhouse.incident.${kind}`,
    subject: thread,
    time: at,
    datacontenttype: 'application/json',
    data: {
      key,
      kind,
      thread,
      severity,
      title,
      text,
      facts,
      at,
      url: absoluteUrl(publicUrl, message.href),
    },
  };
}

/** They ask for another try. */
const temporary = new Set([408, 425, 429]);

export const webhookSender = (http: HttpClient): Sender<WebhookSettings, CloudEvent> => ({
  render,
  send(event, { url, secret }, context) {
    const body = JSON.stringify(event);
    const seconds = Math.floor(context.now.getTime() / 1000);
    return post(
      http,
      {
        url,
        headers: {
          'content-type': 'application/cloudevents+json',
          'webhook-id': event.id,
          'webhook-timestamp': String(seconds),
          'webhook-signature': signWebhook(secret, event.id, seconds, body),
        },
        body,
      },
      context,
      {
        accepts: (status) => status >= 200 && status < 300,
        refuses: (status) => status >= 400 && status < 500 && !temporary.has(status),
      },
    );
  },
});
