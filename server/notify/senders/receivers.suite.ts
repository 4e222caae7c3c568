/** Receivers for tests: real HTTP and SMTP servers on a port of their own, closed after the suite. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterAll } from 'vitest';

export type Received = {
  path: string;
  headers: IncomingHttpHeaders;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON came, looked at by tests
  body: any;
};
type Answer = (response: ServerResponse, request: Received) => void;

/** Answers as told; without being told, as the given kind of service does when all is well. */
export async function httpReceiver(usual: { status: number; body: string }) {
  const received: Received[] = [];
  const next: Answer[] = [];
  let standing: Answer | null = null;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const { url = '', headers } = request;
      const entry = { path: url, headers, text, body: text ? JSON.parse(text) : null };
      received.push(entry);
      const answer = next.shift() ?? standing;
      if (answer) answer(response, entry);
      else response.writeHead(usual.status).end(usual.body);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  // It listens on a port.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/services/T0/B0/tokentoken`,
    port,
    received,
    /** How the next requests are answered, one each. */
    answerNext: (...answers: Answer[]) => next.push(...answers),
    /** How every request is answered from now on; null for as usual. */
    answerAlways: (answer: Answer | null) => {
      standing = answer;
    },
    clear: () => {
      received.length = 0;
    },
  };
}

export const refuse =
  (status: number, body = '', headers: Record<string, string> = {}): Answer =>
  (response) =>
    response.writeHead(status, headers).end(body);

export const services = {
  slack: { status: 200, body: 'ok' },
  pagerduty: { status: 202, body: '{"status":"success","message":"Event processed"}' },
  webhook: { status: 204, body: '' },
};

/** Takes mail for anybody, unless told otherwise; `stop` and `start` are an outage. */
export async function smtpReceiver(options: SMTPServerOptions = {}) {
  const mails: (Email & { recipients: string[] })[] = [];
  let port = 0;
  const open = async () => {
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      disableReverseLookup: true,
      logger: false,
      closeTimeout: 10,
      ...options,
      onData(stream, session, callback) {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          PostalMime.parse(Buffer.concat(chunks)).then((mail) => {
            mails.push({
              ...mail,
              recipients: session.envelope.rcptTo.map(({ address }) => address),
            });
            callback();
          }, callback);
        });
      },
    });
    server.on('error', () => undefined);
    await new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve);
    });
    // It listens on a port.
    port = (server.server.address() as AddressInfo).port;
    return server;
  };
  let server: SMTPServer | null = await open();
  const stop = () =>
    new Promise<void>((resolve) => {
      if (!server) return resolve();
      server.close(() => resolve());
      server = null;
    });
  afterAll(stop);
  return {
    port,
    mails,
    stop,
    async start() {
      server = await open();
    },
  };
}
