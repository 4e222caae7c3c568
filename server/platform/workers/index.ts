/**
 * Worker threads for work that would hold up the event loop. Threads start on first use and end when idle;
 * the queue is bounded, and a task that takes longer than its time-out is ended with its thread.
 */
import { Piscina } from 'piscina';
import { AppError } from '../errors.ts';

export type Workers = {
  /**
   * Runs the export `task` of the module `file` (a file URL) in a worker thread; input and output are copied.
   */
  run<T>(
    file: URL,
    task: string,
    input: unknown,
    options: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<T>;
  stats(): { threads: number; queued: number };
  close(): Promise<void>;
};

export function createWorkers(options: { maxThreads: number }): Workers {
  let pool: Piscina | null = null;
  const open = () =>
    new Piscina({
      minThreads: 0,
      maxThreads: options.maxThreads,
      idleTimeout: 10_000,
      maxQueue: 64,
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    });
  return {
    async run(file, task, input, { timeoutMs, signal }) {
      pool ??= open();
      const timeout = AbortSignal.timeout(timeoutMs);
      try {
        return await pool.run(input, {
          filename: file.href,
          name: task,
          signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        });
      } catch (cause) {
        if (timeout.aborted) {
          throw new AppError('SERVICE_UNAVAILABLE', 'The calculation took too long.', { cause });
        }
        if (cause instanceof Error && /queue limit/i.test(cause.message)) {
          throw new AppError('SERVICE_UNAVAILABLE', 'Too many calculations are waiting.', {
            cause,
          });
        }
        throw cause;
      }
    },
    stats: () => ({ threads: pool?.threads.length ?? 0, queued: pool?.queueSize ?? 0 }),
    async close() {
      await pool?.destroy();
      pool = null;
    },
  };
}
