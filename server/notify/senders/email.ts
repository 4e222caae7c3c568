/**
 * E-mail over SMTP. Messages of a thread answer its first one, so that mail programs show them together, and an
 * attempt that is repeated has the `Message-ID` of the first. Every address that is connected to is checked after
 * DNS, like those of outgoing HTTP.
 */
import type { Socket } from 'node:net';
import { createTransport } from 'nodemailer';
import type { Guard } from '../../client/index.ts';
import type { AddressGuard } from '../../platform/addresses.ts';
import type { EmailSettings } from '../settings.ts';
import { absoluteUrl, clip, escapeHtml, oneLine } from '../text.ts';
import type { Outcome, Outgoing, RenderContext, SendContext, Sender } from './port.ts';
import { failureWithoutAnswer, isRefused, noAnswer } from './post.ts';

export type EmailPayload = {
  subject: string;
  text: string;
  html: string;
  messageId: string;
  /** The thread's first message. */
  inReplyTo: string | null;
};

const SUBJECT = 200;
const SHOWN = 300;

const messageIdOf = (id: string, publicUrl: string) =>
  `<${id}@${(URL.parse(publicUrl)?.hostname ?? '').replace(/[^A-Za-z0-9.-]/g, '') || 'wheelhouse'}>`;

const lineOf = ({ title, kind, at }: { title: string; kind: string; at: string }) =>
  `${oneLine(title)} (${kind}, ${at})`;

function textOf(message: Outgoing, url: string): string {
  const lines = (message.lines ?? []).map((line) => `- ${lineOf(line)}`);
  if (message.more) lines.push(`and ${message.more} more`);
  return [
    message.text.trim(),
    message.facts.map(({ label, value }) => `${label}: ${value}`).join('\n'),
    lines.join('\n'),
    `Severity: ${message.severity}\nAt: ${message.at}\nOpen: ${url}`,
  ]
    .filter(Boolean)
    .join('\n\n');
}

function htmlOf(message: Outgoing, url: string): string {
  const safe = (text: string) => escapeHtml(text).replaceAll('\n', '<br>');
  const rows = message.facts
    .map(
      ({ label, value }) =>
        `<tr><td style="padding:2px 16px 2px 0;color:#666">${safe(label)}</td><td>${safe(value)}</td></tr>`,
    )
    .join('');
  const items = (message.lines ?? []).map((line) => `<li>${safe(lineOf(line))}</li>`).join('');
  return [
    '<!doctype html><html><body style="font:14px/1.5 sans-serif;color:#111">',
    `<h2 style="font-size:16px;margin:0 0 8px">${safe(oneLine(message.title))}</h2>`,
    message.text.trim() ? `<p>${safe(message.text.trim())}</p>` : '',
    rows ? `<table style="border-collapse:collapse">${rows}</table>` : '',
    items ? `<ul>${items}</ul>` : '',
    message.more ? `<p>and ${message.more} more</p>` : '',
    `<p style="color:#666">${safe(message.severity)} · ${safe(message.kind)} · ${safe(message.at)}</p>`,
    `<p><a href="${escapeHtml(url)}">Open in Wheelhouse</a></p></body></html>`,
  ].join('\n');
}

function render(message: Outgoing, { id, publicUrl, rootId }: RenderContext): EmailPayload {
  const url = absoluteUrl(publicUrl, message.href);
  return {
    subject: clip(`[${message.severity}] ${oneLine(message.title)}`, SUBJECT),
    text: textOf(message, url),
    html: htmlOf(message, url),
    messageId: messageIdOf(id, publicUrl),
    inReplyTo: rootId ? messageIdOf(rootId, publicUrl) : null,
  };
}

/** Connects by itself, because nodemailer would look the name up without asking whether it may be connected to. */
function open(
  guard: AddressGuard,
  { host, port }: EmailSettings,
  signal: AbortSignal,
  done: (error: Error | null, socket: Socket | null) => void,
): void {
  const socket = guard.socket();
  const abort = () => socket.destroy(new Error('No answer in time'));
  signal.addEventListener('abort', abort, { once: true });
  const failed = (error: Error) => done(error, null);
  // It may still be told of an abort when nobody else listens any more.
  socket.on('error', () => undefined);
  socket.once('error', failed);
  socket.once('connect', () => {
    socket.off('error', failed);
    done(null, socket);
  });
  socket.once('close', () => signal.removeEventListener('abort', abort));
  socket.connect(port, host);
}

async function send(
  guard: AddressGuard,
  payload: EmailPayload,
  settings: EmailSettings,
  { timeoutMs, signal }: SendContext,
): Promise<Outcome> {
  const { host, port, secure, username, password } = settings;
  const transport = createTransport({
    host,
    port,
    secure: secure === 'tls',
    requireTLS: secure === 'starttls',
    ignoreTLS: secure === 'none',
    ...(username === null ? {} : { auth: { user: username, pass: password ?? '' } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    getSocket: (_options, callback) =>
      open(guard, settings, signal, (error, connection) =>
        error || !connection ? callback(error) : callback(null, { connection }),
      ),
  });
  try {
    const { subject, text, html, messageId, inReplyTo } = payload;
    const info = await transport.sendMail({
      from: settings.from,
      to: settings.to,
      subject,
      text,
      html,
      messageId,
      ...(inReplyTo ? { inReplyTo, references: inReplyTo } : {}),
      // RFC 3834: nobody's holiday note answers it.
      headers: { 'Auto-Submitted': 'auto-generated' },
      signal,
    });
    const refused = info.rejected.length;
    const note = refused > 0 ? `${refused} of ${settings.to.length} recipients refused; ` : '';
    return { ok: true, status: 250, detail: clip(oneLine(`${note}${info.response}`), SHOWN) };
  } catch (error) {
    return failureOf(error);
  } finally {
    transport.close();
  }
}

/** RFC 5321 §4.2.1: a 5yz reply is for good. Only of those to the sign-in and to the message itself, not to a busy greeting. */
function failureOf(error: unknown): Outcome {
  const reply = error instanceof Error && 'responseCode' in error ? error.responseCode : null;
  const command = error instanceof Error && 'command' in error ? String(error.command) : '';
  const status = typeof reply === 'number' ? reply : null;
  const permanent =
    status !== null &&
    status >= 500 &&
    status !== 503 &&
    /^(AUTH|MAIL|RCPT|DATA)/.test(command || 'CONN');
  return {
    ok: false,
    permanent: permanent || isRefused(error) || isRefused(causeOf(error)),
    status,
    detail: noAnswer(error),
  };
}

const causeOf = (error: unknown) => (error instanceof Error ? error.cause : undefined);

/** A failure that may pass, on its way through the guard. */
class FailedSending extends Error {
  readonly outcome: Outcome;
  constructor(outcome: Outcome) {
    super(outcome.detail);
    this.outcome = outcome;
  }
}

/** `guardOf` gives the breaker of a server. */
export const emailSender = (
  addresses: AddressGuard,
  guardOf: (name: string) => Guard,
): Sender<EmailSettings, EmailPayload> => ({
  render,
  async send(payload, settings, context) {
    try {
      return await guardOf(`notify smtp://${settings.host}:${settings.port}`).run(async () => {
        const outcome = await send(addresses, payload, settings, context);
        if (!outcome.ok && !outcome.permanent) throw new FailedSending(outcome);
        return outcome;
      });
    } catch (error) {
      if (error instanceof FailedSending) return error.outcome;
      return failureWithoutAnswer(error);
    }
  },
});
