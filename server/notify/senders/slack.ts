/**
 * Slack incoming webhooks with Block Kit. Limits: header 150, section 3 000, ten fields of 2 000, 50 blocks, and
 * about 13 000 characters in all (slackapi/bolt-js#2509), which is kept for the whole document.
 */
import type { HttpClient } from '../../platform/http-client.ts';
import type { SlackSettings } from '../settings.ts';
import { absoluteUrl, clipEscaped, oneLine } from '../text.ts';
import type { Outgoing, RollupLine, Sender } from './port.ts';
import { post } from './post.ts';

type PlainText = { type: 'plain_text'; text: string; emoji: false };
type Mrkdwn = { type: 'mrkdwn'; text: string; verbatim: true };
type Block =
  | { type: 'header'; text: PlainText }
  | { type: 'section'; text: Mrkdwn }
  | { type: 'section'; fields: Mrkdwn[] }
  | { type: 'context'; elements: Mrkdwn[] }
  | { type: 'actions'; elements: { type: 'button'; text: PlainText; url: string }[] };
/** `text` is what notifications show. */
export type SlackPayload = { text: string; blocks: Block[] };

const HEADER = 150;
const FALLBACK = 400;
const SECTION = 2_900;
const FIELDS = 10;
const FIELD = 550;
const LABEL = 100;
const LINE = 300;
const DOCUMENT = 13_000;
/** What a section and a line cost beside their text. */
const SECTION_FRAME = 80;

const signs: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
/** The three signs by which Slack knows links, mentions and `<!channel>`. */
const escaped = (text: string, max: number) =>
  clipEscaped(text, max, (sign) => signs[sign] ?? sign);
const plain = (text: string): PlainText => ({ type: 'plain_text', text, emoji: false });
const mrkdwn = (text: string): Mrkdwn => ({ type: 'mrkdwn', text, verbatim: true });

function fieldsOf(facts: Outgoing['facts']): Block[] {
  const fields = facts
    .slice(0, FIELDS)
    .map(({ label, value }) =>
      mrkdwn(`*${escaped(label, LABEL)}*\n${escaped(value, FIELD - LABEL - 10)}`),
    );
  return fields.length > 0 ? [{ type: 'section', fields }] : [];
}

/** As many lines as fit into `room`, filled into sections; says how many are left. */
function sectionsOf(lines: readonly RollupLine[], more: number, room: number): Block[] {
  const sections: string[] = [];
  let used = 0;
  let taken = 0;
  for (const { title, kind, at } of lines) {
    const line = `• ${escaped(title, LINE)} (${kind}, ${at})`;
    const size = JSON.stringify(line).length;
    const last = sections.at(-1);
    const joins = last !== undefined && JSON.stringify(last).length + size < SECTION;
    const cost = size + (joins ? 0 : SECTION_FRAME);
    if (used + cost > room) break;
    if (joins) sections[sections.length - 1] = `${last}\n${line}`;
    else sections.push(line);
    used += cost;
    taken++;
  }
  const left = lines.length - taken + more;
  const rest = left > 0 ? [`and ${left} more`] : [];
  return [...sections, ...rest].map((text) => ({ type: 'section', text: mrkdwn(text) }));
}

function render(message: Outgoing, { publicUrl }: { publicUrl: string }): SlackPayload {
  const title = escaped(oneLine(message.title), HEADER);
  const body = escaped(message.text.trim(), SECTION);
  const text = escaped(`[${message.severity}] ${oneLine(message.title)}`, FALLBACK);
  const above: Block[] = [
    { type: 'header', text: plain(title || 'No title') },
    ...(body ? [{ type: 'section' as const, text: mrkdwn(body) }] : []),
    ...fieldsOf(message.facts),
  ];
  const url = absoluteUrl(publicUrl, message.href);
  const below: Block[] = [
    {
      type: 'context',
      elements: [mrkdwn(`${message.severity} · ${message.kind} · ${escaped(message.at, 40)}`)],
    },
    { type: 'actions', elements: [{ type: 'button', text: plain('Open'), url }] },
  ];
  if (!message.lines) return { text, blocks: [...above, ...below] };
  // Two frames more: the section that says how many are left, and a reserve.
  const taken = JSON.stringify({ text, blocks: [...above, ...below] }).length + 2 * SECTION_FRAME;
  const lines = sectionsOf(message.lines, message.more ?? 0, DOCUMENT - taken);
  return { text, blocks: [...above, ...lines, ...below] };
}

/** What Slack answers when the webhook or the message is wrong, and stays so. */
const permanent = new Set([400, 403, 404, 410]);

export const slackSender = (http: HttpClient): Sender<SlackSettings, SlackPayload> => ({
  render,
  send: (payload, { url }, context) =>
    post(
      http,
      {
        url,
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: JSON.stringify(payload),
      },
      context,
      {
        accepts: (status, body) => status === 200 && body.trim() === 'ok',
        refuses: (status) => permanent.has(status),
      },
    ),
});
