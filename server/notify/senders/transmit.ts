/** The one place that knows which sender belongs to which kind of channel. */
import type { Guard } from '../../client/index.ts';
import type { HttpClient } from '../../platform/http-client.ts';
import type { Settings } from '../settings.ts';
import { emailSender } from './email.ts';
import { pagerDutySender } from './pagerduty.ts';
import type { Outcome, Outgoing, RenderContext, SendContext } from './port.ts';
import { slackSender } from './slack.ts';
import { webhookSender } from './webhook.ts';

export type Transmit = (
  settings: Settings,
  message: Outgoing,
  context: SendContext & Pick<RenderContext, 'rootId'>,
) => Promise<Outcome>;

export function createTransmit(deps: {
  http: HttpClient;
  /** Breaker of a server that is no HTTP. */
  guardOf: (name: string) => Guard;
  publicUrl: () => string;
}): Transmit {
  const slack = slackSender(deps.http);
  const email = emailSender(deps.http.addresses, deps.guardOf);
  const pagerduty = pagerDutySender(deps.http);
  const webhook = webhookSender(deps.http);
  return (settings, message, context) => {
    const { id, rootId } = context;
    const rendering = { id, rootId, publicUrl: deps.publicUrl() };
    switch (settings.kind) {
      case 'slack':
        return slack.send(slack.render(message, rendering), settings, context);
      case 'email':
        return email.send(email.render(message, rendering), settings, context);
      case 'pagerduty':
        return pagerduty.send(pagerduty.render(message, rendering), settings, context);
      case 'webhook':
        return webhook.send(webhook.render(message, rendering), settings, context);
    }
  };
}
