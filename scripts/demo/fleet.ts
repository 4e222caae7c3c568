/**
 * The supervisor of the demo fleet: real small services as child processes, and an HTTP server on 127.0.0.1 through
 * which they are broken and mended. It starts nothing again by itself: what was killed stays dead until the remedy
 * webhook, or the fault `none`, says otherwise. All processes end with it, also when it is killed.
 *
 * | route | who | does |
 * |---|---|---|
 * | `POST /restart/SERVICE` | signed (Standard Webhooks) | kills and starts it: 200 `{ restarted, pid }` once it answers, 503 after 10 s; the same `webhook-id` does nothing twice |
 * | `GET /services` | bearer token | `{ services: ServiceView[] }` |
 * | `POST /faults { service, fault, latencyMs? }` | bearer token | puts a fault in; `none` makes it whole, also when it is dead; `shift` gives the worker other orders |
 * | `POST /receiver` | anybody local | keeps the JSON (the newest 500) |
 * | `GET /receiver` | bearer token | `{ items: [{ at, signed, event }] }` |
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isFault, MAX_LATENCY_MS, type ServiceView, SHIFT, shiftable } from './catalog.ts';
import type { ConsoleAccess } from './member.ts';
import { createRoster, type Restarted, type Roster, type RosterOptions } from './roster.ts';
import { onceEach, verify } from './webhook.ts';

const MAX_BODY_BYTES = 256 * 1024;
const MAX_RECEIVED = 500;

export type Fleet = {
  /** Origin of the supervisor. */
  url: string;
  /** For `/services`, `/faults` and `GET /receiver`. */
  token: string;
  /** What remedy webhooks are signed with. */
  secret: string;
  services(): ServiceView[];
  /** Where the worker reports that it works. */
  setHeartbeat(url: string): void;
  /** Where every service reports its heap. */
  setConsole(access: ConsoleAccess): void;
  close(): Promise<void>;
};

/** Starts everything and answers once every service does. */
export async function startFleet(options: RosterOptions): Promise<Fleet> {
  const token = randomBytes(32).toString('base64url');
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const roster = await createRoster(options);
  const handle = createHandler({ roster, token, secret });
  const server = createServer((request, response) => {
    handle(request).then(
      ({ status, body }) => send(response, status, body),
      (error) => send(response, 500, { error: String(error?.message ?? error) }),
    );
  });
  server.requestTimeout = 15_000;
  const close = async () => {
    if (server.listening) {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    }
    await roster.close();
  };
  try {
    server.listen(roster.supervisorPort, '127.0.0.1');
    await once(server, 'listening');
    await roster.start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url: `http://127.0.0.1:${roster.supervisorPort}`,
    token,
    secret,
    services: roster.views,
    setHeartbeat: roster.setHeartbeat,
    setConsole: roster.setConsole,
    close,
  };
}

type Answer = { status: number; body: unknown };
const refuse = (status: number, error: string): Answer => ({ status, body: { error } });

function createHandler(deps: { roster: Roster; token: string; secret: string }) {
  const { roster, token, secret } = deps;
  const received: { at: string; signed: boolean; event: unknown }[] = [];
  const restartOnce = onceEach<Restarted>();

  const restart = async (request: IncomingMessage, name: string): Promise<Answer> => {
    const call = verify(secret, request.headers, await readBody(request));
    if ('refused' in call) return refuse(401, call.refused);
    if (!roster.has(name)) return refuse(404, `there is no service ${name}`);
    const result = await restartOnce(call.id, () => roster.restart(name));
    return { status: result.restarted ? 200 : 503, body: result };
  };
  const setFault = async (request: IncomingMessage): Promise<Answer> => {
    const input = parseJson(await readBody(request));
    const { service, fault, latencyMs } = Object(input);
    if (typeof service !== 'string' || !roster.has(service)) {
      const known = roster.views().map(({ name }) => name);
      return refuse(400, `service: accepted are ${known.join(', ')}`);
    }
    const { accepts } = roster.view(service);
    if (service === shiftable && (fault === SHIFT || fault === 'none')) {
      roster.shiftInputs(fault === SHIFT);
      if (fault === SHIFT) return { status: 200, body: roster.view(service) };
    }
    if (!isFault(fault) || !accepts.includes(fault)) {
      const all = service === shiftable ? [...accepts, SHIFT] : accepts;
      return refuse(400, `fault: accepted for ${service} are ${all.join(', ')}`);
    }
    const isLatency = Number.isInteger(latencyMs) && latencyMs >= 1 && latencyMs <= MAX_LATENCY_MS;
    if (latencyMs !== undefined && !isLatency) {
      return refuse(400, `latencyMs: accepted are whole numbers from 1 to ${MAX_LATENCY_MS}`);
    }
    const problem = await roster.setFault(service, fault, latencyMs);
    return problem ? refuse(409, problem) : { status: 200, body: roster.view(service) };
  };
  const receive = async (request: IncomingMessage): Promise<Answer> => {
    const text = await readBody(request);
    const event = parseJson(text);
    if (event === undefined) return refuse(400, 'the body is not JSON');
    const signed = 'id' in verify(secret, request.headers, text);
    received.push({ at: new Date().toISOString(), signed, event });
    if (received.length > MAX_RECEIVED) received.shift();
    return { status: 202, body: { received: true } };
  };
  return async (request: IncomingMessage): Promise<Answer> => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const route = `${request.method} ${pathname}`;
    const service = /^POST \/restart\/([\w-]{1,100})$/.exec(route)?.[1];
    if (service) return restart(request, service);
    if (route === 'POST /receiver') return receive(request);
    if (!bears(request, token)) return refuse(401, 'a bearer token is needed');
    if (route === 'GET /services') return { status: 200, body: { services: roster.views() } };
    if (route === 'POST /faults') return setFault(request);
    if (route === 'GET /receiver') return { status: 200, body: { items: received } };
    return refuse(404, 'there is no such route');
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error('the body is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function bears(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? '');
  const right = Buffer.from(`Bearer ${token}`);
  return given.length === right.length && timingSafeEqual(given, right);
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
