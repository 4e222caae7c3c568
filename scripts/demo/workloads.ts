/** What the services do for a living. Small, real, and bounded: maps hold a fixed number of entries. */
import type { IncomingMessage } from 'node:http';
import { BreakerOpenError } from '../../server/client/index.ts';
import type { CallPeer } from './breakers.ts';
import type { ServiceName } from './catalog.ts';

export type Answer = { status: number; body: unknown };
export type Workload = (request: IncomingMessage, url: URL) => Promise<Answer>;
/** Origins of the services that it calls. */
export type Peers = Readonly<Record<string, string>>;

const CALL_TIMEOUT_MS = 1_500;
const MAX_BODY_BYTES = 16 * 1024;
const MAX_ENTRIES = 2_000;
const notFound: Answer = { status: 404, body: { error: 'there is no such thing here' } };

/** Repeatable random numbers, 0–1 (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error('the body is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > MAX_ENTRIES && oldest !== undefined) map.delete(oldest);
}

/** `GET` and `PUT /entries/KEY`: the least recently used entry goes first. */
function cache(): Workload {
  const entries = new Map<string, string>();
  return async (request, url) => {
    const key = /^\/entries\/([^/]{1,200})$/.exec(url.pathname)?.[1];
    if (!key) return notFound;
    if (request.method === 'PUT') {
      remember(entries, key, await readText(request));
      return { status: 200, body: { stored: key } };
    }
    const value = entries.get(key);
    if (value === undefined) return notFound;
    remember(entries, key, value);
    return { status: 200, body: { key, value } };
  };
}

/** `POST /payments { orderId, amountCents }`: once an order, however often it is asked. */
function payments(): Workload {
  const taken = new Map<string, { paymentId: string; amountCents: number }>();
  let count = 0;
  return async (request, url) => {
    if (url.pathname !== '/payments' || request.method !== 'POST') return notFound;
    const order: unknown = JSON.parse(await readText(request));
    const { orderId, amountCents } = Object(order);
    if (typeof orderId !== 'string' || !Number.isSafeInteger(amountCents) || amountCents <= 0) {
      return { status: 400, body: { error: 'orderId and a positive amountCents are needed' } };
    }
    const before = taken.get(orderId);
    if (before) return { status: 200, body: before };
    count += 1;
    const payment = { paymentId: `pay-${count}`, amountCents };
    remember(taken, orderId, payment);
    return { status: 201, body: payment };
  };
}

/** `GET /search?q=WORDS`: an inverted index over made-up products. */
function search(): Workload {
  const random = seeded(7);
  const words = 'red blue green small large steel oak wool lamp chair table shelf mug clock'.split(
    ' ',
  );
  const pick = () => words[Math.floor(random() * words.length)] ?? 'lamp';
  const products = Array.from({ length: MAX_ENTRIES }, () => `${pick()} ${pick()} ${pick()}`);
  const index = new Map<string, Set<number>>();
  for (const [id, name] of products.entries()) {
    for (const word of name.split(' ')) {
      const ids = index.get(word) ?? new Set();
      index.set(word, ids.add(id));
    }
  }
  return async (_request, url) => {
    if (url.pathname !== '/search') return notFound;
    const asked = (url.searchParams.get('q') ?? '').toLowerCase().split(/\s+/).slice(0, 10);
    const scores = new Map<number, number>();
    for (const word of asked) {
      for (const id of index.get(word) ?? []) scores.set(id, (scores.get(id) ?? 0) + 1);
    }
    const best = [...scores].sort(([a, x], [b, y]) => y - x || a - b).slice(0, 10);
    return {
      status: 200,
      body: { total: scores.size, items: best.map(([id]) => ({ id, name: products[id] })) },
    };
  };
}

export async function call(url: string, init: RequestInit = {}): Promise<unknown> {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
  const body: unknown = await answer.json().catch(() => null);
  if (!answer.ok && answer.status !== 404)
    throw new Error(`${new URL(url).host}: ${answer.status}`);
  return answer.ok ? body : null;
}

/**
 * `GET /checkout?order=ID&q=WORDS`: searches, looks into the cache, takes a payment. 502 names who did not answer, or
 * was not asked because its breaker is open.
 */
function api(peers: Peers, guarded: CallPeer): Workload {
  return async (_request, url) => {
    if (url.pathname !== '/checkout') return notFound;
    const q = url.searchParams.get('q') ?? 'red lamp';
    const orderId = url.searchParams.get('order') ?? 'none';
    let asked = 'search';
    try {
      const key = encodeURIComponent(q);
      const found = await guarded('search', () => call(`${peers.search}/search?q=${key}`));
      asked = 'cache';
      const hit = await guarded('cache', () => call(`${peers.cache}/entries/${key}`));
      if (!hit) {
        const body = JSON.stringify(found);
        await guarded('cache', () =>
          call(`${peers.cache}/entries/${key}`, { method: 'PUT', body }),
        );
      }
      asked = 'payments';
      const order = JSON.stringify({ orderId, amountCents: 1_999 });
      const payment = await guarded('payments', () =>
        call(`${peers.payments}/payments`, { method: 'POST', body: order }),
      );
      return { status: 200, body: { orderId, cached: hit !== null, payment } };
    } catch (reason) {
      const why = reason instanceof BreakerOpenError ? 'was not asked' : 'did not answer';
      return { status: 502, body: { error: `${asked} ${why}`, service: asked } };
    }
  };
}

/** `POST /reports`: adds up numbers. That it fails now and then is done for every path, in `service.ts`. */
function flaky(): Workload {
  return async (request, url) => {
    if (url.pathname !== '/reports' || request.method !== 'POST') return notFound;
    const numbers: unknown = JSON.parse(await readText(request));
    if (!Array.isArray(numbers) || !numbers.every((each) => Number.isFinite(each))) {
      return { status: 400, body: { error: 'a list of numbers is needed' } };
    }
    const sum = numbers.reduce((total: number, each: number) => total + each, 0);
    return { status: 200, body: { count: numbers.length, sum } };
  };
}

export type WorkerCounts = { done: number; failed: number; lastError: string | null };

/** `GET /jobs`: what the loop in `service.ts` has done. */
function worker(counts: WorkerCounts): Workload {
  return async (_request, url) =>
    url.pathname === '/jobs' ? { status: 200, body: counts } : notFound;
}

export function workloadOf(
  name: ServiceName,
  peers: Peers,
  counts: WorkerCounts,
  guarded: CallPeer,
): Workload {
  switch (name) {
    case 'cache':
      return cache();
    case 'payments':
      return payments();
    case 'search':
      return search();
    case 'flaky':
      return flaky();
    case 'api':
      return api(peers, guarded);
    case 'worker':
      return worker(counts);
  }
}
