/**
 * What a text of SQL is, by PostgreSQL's own parser (libpg_query 17, compiled to WebAssembly): its fingerprint, the text
 * with `$n` in place of values, its kind and its tables. It runs in a worker thread, many texts in one task.
 */
import type { Workers } from '../../platform/workers/index.ts';
import type { Described } from './describe.ts';
import type { Read } from './facts.ts';

const DESCRIBE = new URL('./describe.ts', import.meta.url);
const READ = new URL('./read.ts', import.meta.url);
const TEXTS_A_TASK = 500;
const CHARS_A_TASK = 4_000_000;
const TIMEOUT_MS = 30_000;

export type Statements = {
  /** In the order of `texts`. One that does not parse has an `error` and no fingerprint of the parser's. */
  describe(texts: readonly string[], signal?: AbortSignal): Promise<Described[]>;
  /** What the advisor needs to know of each. */
  read(texts: readonly string[], signal?: AbortSignal): Promise<Read[]>;
};

export function createStatements({ workers }: { workers: Workers }): Statements {
  /** In tasks of a bounded size, one after the other, so that others get their turn between them. */
  const inTasks = async <T>(
    file: URL,
    task: string,
    texts: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<T[]> => {
    const answers: T[] = [];
    for (let from = 0; from < texts.length; ) {
      let to = from;
      for (let chars = 0; to < texts.length && to - from < TEXTS_A_TASK; to++) {
        chars += texts[to]?.length ?? 0;
        if (to > from && chars > CHARS_A_TASK) break;
      }
      answers.push(
        ...(await workers.run<T[]>(file, task, texts.slice(from, to), {
          timeoutMs: TIMEOUT_MS,
          ...(signal ? { signal } : {}),
        })),
      );
      from = to;
    }
    return answers;
  };
  return {
    describe: (texts, signal) => inTasks<Described>(DESCRIBE, 'describeTask', texts, signal),
    read: (texts, signal) => inTasks<Read>(READ, 'readTask', texts, signal),
  };
}
