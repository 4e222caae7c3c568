/**
 * `GET /api/stream`: server-sent events, one `frame` each 500 ms with the newest figures and what changed.
 *
 * A frame is serialised once for each set of topics, however many read it, and framed for the wire once: all sockets
 * are given the same bytes. Ids increase; a client that comes
 * back with `Last-Event-ID` gets the frames it missed, up to a minute. A reader that does not keep up skips to
 * the newest frame: at most one frame a client waits in this process, so memory is bounded. Streams end when
 * their session or key does, within a second.
 */
import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { STREAM_TOOL, scopesAllow } from '../api/scopes.ts';
import { type Principal, scopesOf } from '../api/trpc.ts';
import type { Runtime } from '../runtime.ts';
import type { LiveEvent, LiveFrame } from '../system/contract.ts';
import { round } from '../system/index.ts';
import type { Identity } from './identity.ts';
import { sendProblem } from './problem.ts';

const FRAME_MS = 500;
const KEEP_FRAMES = 120;
const MAX_CLIENTS = 5_000;
const MAX_EVENTS = 200;
const RECHECK_MS = 900;
const HEARTBEAT_MS = 15_000;

type Client = {
  response: ServerResponse;
  /** Sorted, joined by commas; empty for all. */
  topics: string;
  principal: Principal;
  address: string;
  /** The kernel's buffer is full; the next frame waits in `pending`, older ones are dropped. */
  blocked: boolean;
  pending: Wire | null;
};
/** One text as it goes over the wire, for those who read it in chunks (HTTP/1.1) and for the others. */
type Wire = { chunk: Buffer; plain: Buffer };
function toWire(text: string): Wire {
  const plain = Buffer.from(text);
  const size = Buffer.from(`${plain.length.toString(16)}\r\n`);
  return { plain, chunk: Buffer.concat([size, plain, Buffer.from('\r\n')]) };
}
const ALIVE = toWire(': alive\n\n');
type Frame = { id: number; at: string; metrics: Record<string, number>; events: LiveEvent[] };

export function registerStream(
  app: FastifyInstance,
  runtime: Runtime,
  identity: Identity,
): { close(): void } {
  const { clock, live, metrics, bus, sessions, keys, tokens, policies, log } = runtime;
  const clients = new Set<Client>();
  const frames: Frame[] = [];
  let events: LiveEvent[] = [];
  // Ids go on over restarts, so that a client's last id never lies in our future.
  let id = clock.now().getTime();
  let lastFrameAt = 0;
  // Past the bound a topic only says that more happened than it tells.
  const overflown = new Set<string>();
  const stopListening = bus.onAny((event) => {
    if (events.length < MAX_EVENTS) events.push(event);
    else if (!overflown.has(event.topic)) {
      overflown.add(event.topic);
      events.push({ topic: event.topic, type: 'overflow' });
    }
  });

  const render = (frame: Frame, topics: string): string => {
    const wanted = topics === '' ? null : new Set(topics.split(','));
    const data: LiveFrame = {
      at: frame.at,
      metrics: wanted
        ? Object.fromEntries(
            Object.entries(frame.metrics).filter(([name]) => wanted.has(live.topicOf(name) ?? '')),
          )
        : frame.metrics,
      events: wanted ? frame.events.filter((event) => wanted.has(event.topic)) : frame.events,
    };
    return `event: frame\nid: ${frame.id}\ndata: ${JSON.stringify(data)}\n\n`;
  };
  const write = (client: Client, wire: Wire) => {
    if (client.blocked) {
      client.pending = wire;
      return;
    }
    const { response } = client;
    const { socket } = response;
    if (!socket || socket.destroyed || response.writableEnded) return;
    // Past the response: it would copy and frame the same text anew for every reader, which is most of the cost.
    client.blocked = !socket.write(response.chunkedEncoding ? wire.chunk : wire.plain);
  };

  const tick = () => {
    if (clients.size === 0 && events.length === 0) return;
    id = Math.max(id + 1, clock.now().getTime());
    const frame: Frame = {
      id,
      at: clock.now().toISOString(),
      metrics: round(live.sample()),
      events,
    };
    events = [];
    overflown.clear();
    frames.push(frame);
    if (frames.length > KEEP_FRAMES) frames.shift();
    lastFrameAt = clock.monotonicMs();
    const rendered = new Map<string, Wire>();
    for (const client of clients) {
      let wire = rendered.get(client.topics);
      if (wire === undefined) {
        wire = toWire(render(frame, client.topics));
        rendered.set(client.topics, wire);
      }
      write(client, wire);
    }
  };
  const frameTimer = setInterval(tick, FRAME_MS);
  const heartbeat = setInterval(() => {
    if (clock.monotonicMs() - lastFrameAt < HEARTBEAT_MS) return;
    for (const client of clients) if (!client.blocked) write(client, ALIVE);
  }, HEARTBEAT_MS);

  /** Tokens and policies are looked at in memory, also while the database is away. */
  const endRefused = () => {
    for (const { principal, address, response } of clients) {
      const ended = principal.kind === 'token' && !tokens.alive(principal);
      if (ended || !policies.allows(principal, STREAM_TOOL, address)) {
        response.end('event: ended\ndata: {}\n\n');
      }
    }
  };
  let checking = false;
  const credential = ({ principal }: Client) => {
    if (principal.kind === 'user') return principal.sessionId;
    return principal.kind === 'key' ? principal.versionId : principal.id;
  };
  const idsOf = (kind: Principal['kind']) => [
    ...new Set([...clients].filter(({ principal }) => principal.kind === kind).map(credential)),
  ];
  const recheck = async () => {
    endRefused();
    if (checking || clients.size === 0 || !runtime.db.status().up) return;
    checking = true;
    try {
      const [sessionIds, keyIds] = [idsOf('user'), idsOf('key')];
      const [liveSessions, liveKeys] = await Promise.all([
        sessionIds.length > 0 ? sessions.alive(sessionIds) : new Set<string>(),
        keyIds.length > 0 ? keys.alive(keyIds) : new Set<string>(),
      ]);
      const asked = new Set([...sessionIds, ...keyIds]);
      for (const client of clients) {
        const id = credential(client);
        if (asked.has(id) && !liveSessions.has(id) && !liveKeys.has(id)) {
          client.response.end('event: ended\ndata: {}\n\n');
        }
      }
    } catch (err) {
      // The database is away: streams stay, they are how a page learns of it.
      log.debug({ err }, 'credentials of streams could not be checked');
    } finally {
      checking = false;
    }
  };
  const recheckTimer = setInterval(recheck, RECHECK_MS);
  const stops = [sessions.onRevoked(recheck), tokens.onRevoked(recheck), keys.onChange(recheck)];

  app.get('/api/stream', { exposeHeadRoute: false }, async (request, reply) => {
    const principal = await identity.principal(request);
    if (!principal) {
      const detail = request.refused?.detail ?? 'Sign in, or send an API key.';
      return sendProblem(request, reply, 401, detail);
    }
    if (!scopesAllow(scopesOf(principal), STREAM_TOOL)) {
      const detail = `The scopes of this ${principal.kind} do not name ${STREAM_TOOL}.`;
      return sendProblem(request, reply, 403, detail);
    }
    const decision = policies.check(principal, STREAM_TOOL, 'query', request.ip);
    if (!decision.allowed) return sendProblem(request, reply, 403, decision.reason);
    if (clients.size >= MAX_CLIENTS) {
      reply.header('retry-after', '10');
      return sendProblem(request, reply, 503, 'Too many live streams are open.');
    }
    const query = new URL(request.url, 'http://stream').searchParams;
    const topics = [...new Set((query.get('topics') ?? '').split(',').filter(Boolean))]
      .slice(0, 50)
      .sort()
      .join(',');
    const lastId = Number(
      request.headers['last-event-id'] ?? query.get('lastEventId') ?? Number.NaN,
    );

    reply.hijack();
    // Left while we asked who it is: its `close` has been and will not come again.
    if (request.raw.socket.destroyed) return;
    const response = reply.raw;
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) response.setHeader(name, value);
    }
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      connection: 'keep-alive',
    });
    request.raw.socket.setNoDelay(true);
    request.raw.socket.setTimeout(0);
    const client: Client = {
      response,
      topics,
      principal,
      address: request.ip,
      blocked: false,
      pending: null,
    };
    request.raw.socket.on('drain', () => {
      client.blocked = false;
      const { pending } = client;
      client.pending = null;
      if (pending !== null) write(client, pending);
    });
    response.on('close', () => {
      clients.delete(client);
      metrics.streamClosed();
    });
    response.on('error', () => response.destroy());
    metrics.streamOpened();
    // From here on it is a stream and no longer a request in flight.
    request.streaming = true;
    metrics.requestEnded({ method: 'GET', route: '/api/stream', status: 200 }, 0);
    clients.add(client);
    let opening = 'retry: 2000\n\n';
    if (Number.isFinite(lastId)) {
      for (const frame of frames) if (frame.id > lastId) opening += render(frame, topics);
    }
    // Headers go first; from here on the socket is written to directly.
    response.flushHeaders();
    write(client, toWire(opening));
  });

  return {
    close() {
      clearInterval(frameTimer);
      clearInterval(heartbeat);
      clearInterval(recheckTimer);
      stopListening();
      for (const stop of stops) stop();
      for (const client of clients) client.response.end();
    },
  };
}
