/**
 * Who asks the database what, and how long it takes: every statement of the pool is told to listeners with the request
 * or job on whose behalf it ran. Costs about a microsecond a statement; nothing while nobody listens.
 */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import type pg from 'pg';

/** One call of a procedure, one other request, or one run of a job. */
export type Caller = {
  kind: 'request' | 'job';
  /** A procedure, a route or a job. */
  name: string;
  requestId: string | null;
  traceId: string | null;
};
export type Call = {
  text: string;
  values: readonly unknown[];
  durationMs: number;
  failed: boolean;
  caller: Caller | null;
};
export type Calls = {
  /** Statements that `work` sends, and what it waits for sends, are its caller's. */
  within<T>(caller: Caller, work: () => T): T;
  caller(): Caller | null;
  /** Answers what ends it. Listeners must not throw and must not wait. */
  listen(listener: (call: Call) => void): () => void;
};

export function createCalls(pool: pg.Pool): Calls {
  const callers = new AsyncLocalStorage<Caller>();
  const listeners = new Set<(call: Call) => void>();
  const tell = (text: string, values: readonly unknown[], begun: number, failed: boolean) => {
    const durationMs = performance.now() - begun;
    const caller = callers.getStore() ?? null;
    for (const listener of listeners) listener({ text, values, durationMs, failed, caller });
  };

  // A connection that was waited for is handed over by whoever gave it back: its callback must keep its own caller.
  pool.connect = new Proxy(pool.connect, {
    apply(target, self, given: unknown[]) {
      const [callback] = given;
      return Reflect.apply(
        target,
        self,
        typeof callback === 'function' ? [AsyncResource.bind(callback as () => void)] : given,
      );
    },
  });
  pool.on('connect', (client) => {
    client.query = new Proxy(client.query, {
      apply(target, self, given: unknown[]) {
        const asked = listeners.size > 0 ? read(given) : null;
        if (!asked) return Reflect.apply(target, self, given);
        const begun = performance.now();
        const done = AsyncResource.bind((failed: boolean) =>
          tell(asked.text, asked.values, begun, failed),
        );
        const last = given.length - 1;
        const callback = given[last];
        if (typeof callback === 'function') {
          const told = (error: unknown, result: unknown) => {
            done(Boolean(error));
            callback(error, result);
          };
          return Reflect.apply(target, self, [...given.slice(0, last), told]);
        }
        const answer: unknown = Reflect.apply(target, self, given);
        if (answer instanceof Promise) {
          answer.then(
            () => done(false),
            () => done(true),
          );
        }
        return answer;
      },
    });
  });

  return {
    within: (caller, work) => callers.run(caller, work),
    caller: () => callers.getStore() ?? null,
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function read([first, second]: unknown[]): { text: string; values: readonly unknown[] } | null {
  const more: readonly unknown[] = Array.isArray(second) ? second : [];
  if (typeof first === 'string') return { text: first, values: more };
  if (typeof first !== 'object' || first === null || !('text' in first)) return null;
  const { text } = first;
  if (typeof text !== 'string') return null;
  const own: unknown = 'values' in first ? first.values : null;
  return { text, values: Array.isArray(own) ? own : more };
}
