/**
 * The one live connection of a page: `GET /api/stream` as an external store.
 *
 * Frames come each 500 ms. None for three seconds is `stale`. EventSource gives up after an HTTP error, so the
 * connection is opened again from here with backoff, from the last id seen. A page that nobody looks at lets go
 * after a minute.
 */
import type { LiveEvent, LiveFrame, LiveTopic, MetricPoint } from '../../server/system/contract.ts';
import { type LivePoint, Ring } from './ring.ts';

export type Topic =
  | LiveTopic
  | 'keys'
  | 'queries'
  | 'models'
  | 'drift'
  | 'forecasts'
  | 'capacity'
  | 'tokens'
  | 'audit'
  | 'users'
  | 'sessions'
  | 'system'
  | 'health'
  | 'incidents'
  | 'notify'
  | 'gamedays'
  | 'memory'
  | 'breakers'
  | 'policies'
  | 'dashboards';
export type LiveState = 'connecting' | 'live' | 'stale' | 'paused';
export type LiveSnapshot = {
  state: LiveState;
  /** When the state began, for `stale` the last good frame. */
  since: number | null;
  metrics: Readonly<Record<string, number>>;
  points: readonly LivePoint[];
  /** When PostgreSQL, or a configured Redis, was first seen away. */
  databaseDownSince: number | null;
  redisDownSince: number | null;
};

const STALE_MS = 3_000;
const HIDDEN_MS = 60_000;
const BACKOFF_MS = [500, 1_000, 2_000, 5_000, 10_000] as const;

export const initialSnapshot: LiveSnapshot = {
  state: 'connecting',
  since: null,
  metrics: {},
  points: [],
  databaseDownSince: null,
  redisDownSince: null,
};

class LiveStream {
  #source: EventSource | null = null;
  #connected = '';
  #wanted = new Map<Topic, number>();
  #ring = new Ring();
  #snapshot = initialSnapshot;
  #listeners = new Set<() => void>();
  #eventListeners = new Set<(events: readonly LiveEvent[]) => void>();
  #lastFrameAt = 0;
  #lastId = '';
  #attempt = 0;
  #reconnect: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  #hide: ReturnType<typeof setTimeout> | undefined;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  snapshot = (): LiveSnapshot => this.#snapshot;

  /** Told what changed on the server, also while paused. */
  onEvents(listener: (events: readonly LiveEvent[]) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  /** Keeps `topics` flowing until the answer is called. */
  want(topics: readonly Topic[]): () => void {
    for (const topic of topics) this.#wanted.set(topic, (this.#wanted.get(topic) ?? 0) + 1);
    // Those who mount together ask together.
    queueMicrotask(() => this.#settle());
    return () => {
      for (const topic of topics) {
        const left = (this.#wanted.get(topic) ?? 1) - 1;
        if (left > 0) this.#wanted.set(topic, left);
        else this.#wanted.delete(topic);
      }
      queueMicrotask(() => this.#settle());
    };
  }

  seed(history: readonly MetricPoint[]): void {
    this.#ring.seed(history);
    this.#publish({ points: [...this.#ring.points] });
  }

  /** Freezes what is shown. Frames still arrive, so that going on leaves no gap. */
  setPaused(paused: boolean): void {
    if (paused === (this.#snapshot.state === 'paused')) return;
    this.#set({ ...this.#snapshot, state: paused ? 'paused' : 'connecting', since: Date.now() });
    if (!paused) this.#check();
  }

  #settle() {
    if (this.#wanted.size === 0) return this.#close();
    const missing = [...this.#wanted.keys()].some((t) => !this.#connected.split(',').includes(t));
    if (missing || !this.#source) this.#open();
    this.#watch ??= setInterval(() => this.#check(), 1_000);
    document.addEventListener('visibilitychange', this.#onVisibility);
  }

  #open() {
    this.#source?.close();
    clearTimeout(this.#reconnect);
    this.#reconnect = undefined;
    this.#connected = [...this.#wanted.keys()].sort().join(',');
    const query = new URLSearchParams({ topics: this.#connected });
    if (this.#lastId) query.set('lastEventId', this.#lastId);
    const source = new EventSource(`/api/stream?${query}`);
    this.#source = source;
    source.addEventListener('frame', (message) => this.#onFrame(message));
    source.addEventListener('ended', () => this.#tell([{ topic: 'sessions', type: 'ended' }]));
    source.onerror = () => {
      if (this.#lastFrameAt === 0) this.#publish({ state: 'stale', since: null });
      // While CONNECTING the browser itself tries again.
      if (source.readyState === EventSource.CLOSED) this.#retry();
    };
  }

  #close() {
    this.#source?.close();
    this.#source = null;
    this.#connected = '';
    clearTimeout(this.#reconnect);
    this.#reconnect = undefined;
    clearInterval(this.#watch);
    this.#watch = undefined;
    document.removeEventListener('visibilitychange', this.#onVisibility);
  }

  #retry() {
    if (this.#reconnect) return;
    const pause = BACKOFF_MS[Math.min(this.#attempt, BACKOFF_MS.length - 1)] ?? 10_000;
    this.#attempt += 1;
    // The answer to any other call tells whether it was the session that ended.
    if (this.#attempt === 2) this.#tell([{ topic: 'sessions', type: 'unknown' }]);
    this.#reconnect = setTimeout(() => this.#open(), pause * (0.7 + 0.6 * Math.random()));
  }

  #onFrame({ data, lastEventId }: MessageEvent<string>) {
    // The server's own frame, see `LiveFrame`.
    const frame = JSON.parse(data) as LiveFrame;
    const at = Date.parse(frame.at);
    this.#lastId = lastEventId;
    this.#lastFrameAt = Date.now();
    this.#attempt = 0;
    this.#ring.push({ at, metrics: frame.metrics });
    const { databaseDownSince, redisDownSince } = this.#snapshot;
    const { database_up, redis_configured, redis_up } = frame.metrics;
    const redisDown = redis_configured === 1 && redis_up === 0;
    this.#publish({
      state: 'live',
      since: this.#snapshot.state === 'live' ? this.#snapshot.since : this.#lastFrameAt,
      metrics: frame.metrics,
      points: [...this.#ring.points],
      databaseDownSince: database_up === 0 ? (databaseDownSince ?? at) : null,
      redisDownSince: redisDown ? (redisDownSince ?? at) : null,
    });
    if (databaseDownSince !== null && database_up === 1) {
      this.#tell([{ topic: 'database', type: 'recovered' }]);
    }
    if (frame.events.length > 0) this.#tell(frame.events);
  }

  #check() {
    if (this.#lastFrameAt === 0 || Date.now() - this.#lastFrameAt < STALE_MS) return;
    if (this.#snapshot.state === 'stale') return;
    this.#publish({ state: 'stale', since: this.#lastFrameAt });
  }

  #publish(change: Partial<LiveSnapshot>) {
    if (this.#snapshot.state === 'paused') return;
    this.#set({ ...this.#snapshot, ...change });
  }

  #set(next: LiveSnapshot) {
    this.#snapshot = next;
    for (const listener of this.#listeners) listener();
  }

  #tell(events: readonly LiveEvent[]) {
    for (const listener of this.#eventListeners) listener(events);
  }

  #onVisibility = () => {
    clearTimeout(this.#hide);
    if (document.visibilityState === 'hidden') {
      this.#hide = setTimeout(() => {
        this.#source?.close();
        this.#source = null;
      }, HIDDEN_MS);
    } else if (!this.#source && this.#wanted.size > 0) {
      this.#open();
    }
  };
}

export const live = new LiveStream();
