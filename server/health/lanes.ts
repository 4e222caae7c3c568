/** Work by key, one thing after the other; keys do not wait for each other. */
export type Lanes = {
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** Whether something is being done for this key. */
  has(key: string): boolean;
};

export function createLanes(): Lanes {
  const lanes = new Map<string, Promise<unknown>>();
  return {
    has: (key) => lanes.has(key),
    run(key, work) {
      const run = (lanes.get(key) ?? Promise.resolve()).then(work);
      const settled = run.catch(() => undefined);
      lanes.set(key, settled);
      void settled.then(() => {
        if (lanes.get(key) === settled) lanes.delete(key);
      });
      return run;
    },
  };
}
