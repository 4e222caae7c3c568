import { z } from 'zod';

export const severities = ['critical', 'error', 'warning', 'info'] as const;
export const severitySchema = z.enum(severities);
export type Severity = (typeof severities)[number];

export const messageKinds = [
  'trigger',
  'update',
  'acknowledge',
  'escalate',
  'reminder',
  'approval',
  'resolve',
  'test',
  'rollup',
] as const;
export type MessageKind = (typeof messageKinds)[number];

/** What people are told, before it takes the form of a channel. */
export type NotifyMessage = {
  /** One event; queued at most once a channel. */
  key: string;
  kind: Exclude<MessageKind, 'rollup'>;
  /** Messages of one thread arrive in order; PagerDuty's `dedup_key` is made of it. Usually an incident's id. */
  thread: string;
  severity: Severity;
  title: string;
  /** A few sentences, plain text. */
  text: string;
  facts: { label: string; value: string }[];
  /** ISO-8601 UTC. */
  at: string;
  /** Path inside the console, e.g. `/incidents/detail?id=…`. */
  href: string;
};
