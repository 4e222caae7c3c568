/**
 * One service of the demo fleet: `node scripts/demo/service.ts NAME`, normally started by the supervisor
 * (`fleet.ts`), with whom it ends. Listens on 127.0.0.1 only.
 *
 * - `GET /health`: 200 `{ status: 'ok', … }`, or 503 once its memory has outgrown what it started with by 100 MiB.
 * - `POST /control/fault { fault, latencyMs? }` (bearer token, loopback): puts a fault into it.
 * - everything else: its work, see `workloads.ts`.
 *
 * Environment: DEMO_PORT, DEMO_TOKEN, DEMO_PEERS (JSON: name → origin), DEMO_FAULT, DEMO_HEARTBEAT_URL, DEMO_SHIFTED, DEMO_SEED,
 * DEMO_CONSOLE (JSON: url and key of the console that it reports its heap to and shares breakers through).
 */
import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  type MemoryPolicy,
  type MemoryWatcher,
  reportTo,
  watchMemory,
} from '../../server/client/memory.ts';
import { createCallGuards } from './breakers.ts';
import { isFault, isServiceName, type ServiceName } from './catalog.ts';
import { createEstimates } from './estimates.ts';
import { createFaults } from './faults.ts';
import { call, type Peers, readText, seeded, type WorkerCounts, workloadOf } from './workloads.ts';

const FLAKY_SHARE = 0.02;
const WORK_EVERY_MS = 500;
/** Check-outs of which one is an order that has to be delivered. */
const ORDER_EVERY = 2;
const BEAT_EVERY_MS = 2_000;
const LISTEN_AGAIN_MS = 200;
const LISTEN_ATTEMPTS = 40;
/** A demo cannot wait an hour: judged over half a minute, and the console's page says so. */
const MEMORY_POLICY: MemoryPolicy = {
  windowSeconds: 20,
  confirmSeconds: 5,
  warmupSeconds: 5,
  growthBytes: 8 * 1024 * 1024,
};
const REPORT_EVERY_MS = 2_000;

let watcher: MemoryWatcher | null = null;

const name = process.argv[2];
if (!isServiceName(name)) {
  console.error(`There is no service ${name}.`);
  process.exit(2);
}
run(name);

function run(service: ServiceName): void {
  const { env } = process;
  const token = env.DEMO_TOKEN ?? '';
  const peers = parsePeers(env.DEMO_PEERS);
  const faults = createFaults();
  const random = seeded(Number(env.DEMO_SEED ?? 42));
  const counts: WorkerCounts = { done: 0, failed: 0, lastError: null };
  const guards = createCallGuards(service);
  const workload = workloadOf(service, peers, counts, guards.call);
  let requests = 0;
  if (isFault(env.DEMO_FAULT) && env.DEMO_FAULT !== 'kill') faults.set(env.DEMO_FAULT);

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/control/fault') return control(request, response);
    requests += 1;
    if (!(await faults.pass(response))) return;
    if (service === 'flaky' && random() < FLAKY_SHARE) {
      return send(response, 500, { status: 'error', error: 'this happens now and then' });
    }
    if (url.pathname === '/health') return health(response);
    const answer = await workload(request, url);
    send(response, answer.status, answer.body);
  };
  const health = (response: ServerResponse) => {
    const memory = faults.memoryFault();
    send(response, memory ? 503 : 200, {
      status: memory ? 'unwell' : 'ok',
      service,
      uptimeSeconds: Math.round(process.uptime()),
      rssBytes: process.memoryUsage.rss(),
      requests,
      ...(memory ? { reason: memory } : {}),
    });
  };
  const control = async (request: IncomingMessage, response: ServerResponse) => {
    const local = /^(::ffff:)?127\.|^::1$/.test(request.socket.remoteAddress ?? '');
    if (!local || !bears(request, token)) return send(response, 401, { error: 'not allowed' });
    const { fault, latencyMs }: { fault?: unknown; latencyMs?: number } = Object(
      JSON.parse(await readText(request)),
    );
    if (!isFault(fault) || fault === 'kill') return send(response, 400, { error: 'no such fault' });
    faults.set(fault, latencyMs);
    send(response, 200, { fault });
  };

  const server = createServer((request, response) => {
    handle(request, response).catch((error) => {
      if (!response.headersSent) send(response, 400, { error: String(error?.message ?? error) });
    });
  });
  server.requestTimeout = 10_000;
  server.maxConnections = 1_000;
  listen(server, Number(env.DEMO_PORT ?? 0));
  const estimates = service === 'worker' ? createEstimates(Number(env.DEMO_SEED ?? 42)) : null;
  if (estimates) work(peers, counts, faults, estimates);
  const meetConsole = (access: unknown) => {
    watchOwnMemory(service, access);
    guards.connect(access);
    estimates?.connect(access);
  };
  if (env.DEMO_CONSOLE) meetConsole(JSON.parse(env.DEMO_CONSOLE));
  process.on('message', (message) => {
    const { console: access } = Object(message);
    if (access) meetConsole(access);
  });
  // Without its supervisor it has no reason to be.
  process.on('disconnect', () => process.exit(0));
}

/** Reports its heap to the console, as any program may; the supervisor says where that is. */
function watchOwnMemory(name: ServiceName, access: unknown): void {
  const { url, key } = Object(access);
  if (typeof url !== 'string' || typeof key !== 'string') return;
  watcher?.close();
  watcher = watchMemory({
    name,
    instance: 'demo',
    policy: MEMORY_POLICY,
    send: reportTo(url, key),
    reportEveryMs: REPORT_EVERY_MS,
  });
}

/** Calls the api all the time, estimates which orders will be late, and reports to the console that it does. */
function work(
  peers: Peers,
  counts: WorkerCounts,
  faults: ReturnType<typeof createFaults>,
  estimates: ReturnType<typeof createEstimates>,
): void {
  const { DEMO_HEARTBEAT_URL, DEMO_SHIFTED } = process.env;
  const queries = ['red lamp', 'oak table', 'small steel clock', 'blue wool', 'large shelf'];
  let heartbeatUrl = DEMO_HEARTBEAT_URL ?? null;
  let shifted = DEMO_SHIFTED === '1';
  let turn = 0;
  process.on('message', (message) => {
    const told = Object(message);
    if (typeof told.heartbeatUrl === 'string') heartbeatUrl = told.heartbeatUrl;
    if (typeof told.shifted === 'boolean') shifted = told.shifted;
  });
  const job = async () => {
    if (!(await faults.allowsWork())) return;
    turn += 1;
    if (turn % ORDER_EVERY === 0) estimates.add(shifted);
    const query = new URLSearchParams({
      order: `${process.pid}-${turn}`,
      q: queries[turn % queries.length] ?? '',
    });
    try {
      await call(`${peers.api}/checkout?${query}`);
      counts.done += 1;
    } catch (error) {
      counts.failed += 1;
      counts.lastError = error instanceof Error ? error.message : String(error);
    }
  };
  const beat = async () => {
    if (!heartbeatUrl || !(await faults.allowsWork())) return;
    const outcome = faults.current() === 'errors' ? '/fail' : '';
    await fetch(heartbeatUrl + outcome, { method: 'POST', signal: AbortSignal.timeout(2_000) });
  };
  const repeat = (task: () => Promise<void>, everyMs: number) => {
    // The next turn begins when this one is over, so that a slow peer is not asked twice at once.
    task()
      .catch(() => undefined)
      .finally(() => setTimeout(repeat, everyMs, task, everyMs));
  };
  repeat(job, WORK_EVERY_MS);
  repeat(beat, BEAT_EVERY_MS);
}

/** On a port that was in use a moment ago it tries again. */
function listen(server: ReturnType<typeof createServer>, port: number): void {
  let attempts = 0;
  server.on('error', (error) => {
    attempts += 1;
    if (attempts < LISTEN_ATTEMPTS && 'code' in error && error.code === 'EADDRINUSE') {
      setTimeout(() => server.listen(port, '127.0.0.1'), LISTEN_AGAIN_MS);
      return;
    }
    console.error(error.message);
    process.exit(1);
  });
  server.listen(port, '127.0.0.1');
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function bears(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? '');
  const right = Buffer.from(`Bearer ${token}`);
  return token !== '' && given.length === right.length && timingSafeEqual(given, right);
}

function parsePeers(text: string | undefined): Peers {
  const parsed: unknown = JSON.parse(text ?? '{}');
  return Object.fromEntries(
    Object.entries(Object(parsed)).map(([peer, origin]) => [peer, String(origin)]),
  );
}
