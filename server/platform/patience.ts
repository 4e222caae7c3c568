/**
 * Waits for answers no longer than `ms`; what comes later is dropped. One timer serves all who wait: a timer of its own
 * would cost more than what is waited for often does.
 */
export function createPatience(ms: number) {
  type Waiting = { until: number; give(up: Error): void; what: string };
  // In the order of their ends, as all wait for the same time.
  const waiting = new Set<Waiting>();
  let armed = false;
  const look = () => {
    armed = false;
    const now = performance.now();
    for (const each of waiting) {
      if (each.until > now) {
        armed = true;
        setTimeout(look, Math.max(1, each.until - now));
        return;
      }
      waiting.delete(each);
      each.give(new Error(`${each.what} took longer than ${ms} ms`));
    }
  };
  return <T>(work: Promise<T>, what: string): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const each: Waiting = { until: performance.now() + ms, give: reject, what };
      waiting.add(each);
      if (!armed) {
        armed = true;
        setTimeout(look, ms);
      }
      work.then(
        (value) => {
          waiting.delete(each);
          resolve(value);
        },
        (error: unknown) => {
          waiting.delete(each);
          reject(error);
        },
      );
    });
}
