/**
 * How long this process may be sent requests, decided by others than the host: while somebody stands aside readiness
 * fails, and a restart that somebody asked for is the same orderly end as SIGTERM, with an exit code that the start
 * script answers by starting again.
 */

/** EX_TEMPFAIL: ended on purpose, to be started again. `scripts/start.mjs` knows it too. */
export const RESTART_EXIT_CODE = 75;

export type Lifecycle = {
  /** Readiness fails until the function that it answers is called. */
  standAside(reason: string): () => void;
  /** Why readiness fails, if somebody stands aside. */
  aside(): string | null;
  /** Asks whoever runs the process to end it and start it again; false when nobody can. */
  restart(reason: string): boolean;
  /** Called once when a restart is asked for. */
  onRestart(listener: (reason: string) => void): void;
};

export function createLifecycle(): Lifecycle {
  const reasons = new Map<symbol, string>();
  let listener: ((reason: string) => void) | null = null;
  return {
    standAside(reason) {
      const mark = Symbol(reason);
      reasons.set(mark, reason);
      return () => {
        reasons.delete(mark);
      };
    },
    aside: () => [...reasons.values()][0] ?? null,
    restart(reason) {
      listener?.(reason);
      return listener !== null;
    },
    onRestart(given) {
      listener = given;
    },
  };
}
