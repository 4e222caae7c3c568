/**
 * PagerDuty Events API v2. Limits: `dedup_key` 255, `summary` 1 024, 512 KB in all. Everything that asks for
 * attention is a `trigger` with the thread's `dedup_key`, so PagerDuty keeps one incident for it.
 */
import { createHash } from 'node:crypto';
import type { HttpClient } from '../../platform/http-client.ts';
import type { PagerDutySettings } from '../settings.ts';
import { absoluteUrl, clip, oneLine } from '../text.ts';
import type { Outgoing, RenderContext, Sender } from './port.ts';
import { post } from './post.ts';

type Action = 'trigger' | 'acknowledge' | 'resolve';
/** Without the routing key, which is added when it is sent. */
export type PagerDutyPayload = {
  event_action: Action;
  dedup_key: string;
  payload: {
    summary: string;
    source: string;
    severity: Outgoing['severity'];
    timestamp: string;
    component: string;
    custom_details: {
      kind: string;
      thread: string;
      text: string;
      facts: Record<string, string>;
    };
  };
  links: { href: string; text: string }[];
  client: string;
  client_url: string;
};

const DEDUP_KEY = 255;
const SUMMARY = 1_024;
const TEXT = 8_000;
const FACTS = 50;
const LABEL = 200;
const VALUE = 2_000;
const SHORT = 255;

/** Of the thread alone, so that every message of it meets the same incident. */
export function dedupKey(thread: string): string {
  const key = `wheelhouse:${thread}`;
  if (key.length <= DEDUP_KEY) return key;
  return `wheelhouse:${createHash('sha256').update(thread).digest('hex')}`;
}

function actionOf(kind: Outgoing['kind']): Action {
  return kind === 'acknowledge' || kind === 'resolve' ? kind : 'trigger';
}

/** The fact that names what is affected. */
function componentOf({ facts, thread }: Outgoing): string {
  const named = facts.find(({ label }) => /^(component|service|target)$/i.test(label))?.value;
  return clip(oneLine(named ?? '') || thread, SHORT);
}

function render(message: Outgoing, { publicUrl }: RenderContext): PagerDutyPayload {
  const facts = message.facts
    .slice(0, FACTS)
    .map(({ label, value }) => [clip(label, LABEL), clip(value, VALUE)] as const);
  return {
    event_action: actionOf(message.kind),
    dedup_key: dedupKey(message.thread),
    payload: {
      summary: clip(oneLine(message.title), SUMMARY) || 'No title',
      source: URL.parse(publicUrl)?.host || 'wheelhouse',
      severity: message.severity,
      timestamp: message.at,
      component: componentOf(message),
      custom_details: {
        kind: message.kind,
        thread: clip(message.thread, SHORT),
        text: clip(message.text, TEXT),
        facts: Object.fromEntries(facts),
      },
    },
    links: [{ href: absoluteUrl(publicUrl, message.href), text: 'Open in Wheelhouse' }],
    client: 'Wheelhouse',
    client_url: publicUrl,
  };
}

export const pagerDutySender = (http: HttpClient): Sender<PagerDutySettings, PagerDutyPayload> => ({
  render,
  send: (payload, { url, routingKey }, context) =>
    post(
      http,
      {
        url,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ routing_key: routingKey, ...payload }),
      },
      context,
      {
        accepts: (status) => status >= 200 && status < 300,
        refuses: (status) => status === 400,
      },
    ),
});
