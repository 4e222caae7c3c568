/**
 * What a text of SQL is, by PostgreSQL's own parser (libpg_query 17, compiled to WebAssembly): its fingerprint, the text
 * with `$n` in place of values, its kind and its tables. It runs in a worker thread, many texts in one task.
 */
import type { Workers } from '../../platform/workers/index.ts';
import type { Described } from './describe.ts';

const WORKER = new URL('./describe.ts', import.meta.url);
const TEXTS_A_TASK = 500;
const CHARS_A_TASK = 4_000_000;
const TIMEOUT_MS = 30_000;

export type Statements = {
  /** In the order of `texts`. One that does not parse has an `error` and no fingerprint of the parser's. */
  describe(texts: readonly string[], signal?: AbortSignal): Promise<Described[]>;
};

export function createStatements({ workers }: { workers: Workers }): Statements {
  return {
    async describe(texts, signal) {
      const described: Described[] = [];
      for (let from = 0; from < texts.length; ) {
        let to = from;
        for (let chars = 0; to < texts.length && to - from < TEXTS_A_TASK; to++) {
          chars += texts[to]?.length ?? 0;
          if (to > from && chars > CHARS_A_TASK) break;
        }
        described.push(
          ...(await workers.run<Described[]>(WORKER, 'describeTask', texts.slice(from, to), {
            timeoutMs: TIMEOUT_MS,
            ...(signal ? { signal } : {}),
          })),
        );
        from = to;
      }
      return described;
    },
  };
}
