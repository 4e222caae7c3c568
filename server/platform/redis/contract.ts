/** What the console needs of shared memory; one suite (`store.suite.ts`) is run on every adapter. */
export type Store = {
  get(key: string): Promise<string | null>;
  set(key: string, value: string, options?: { ttlMs?: number }): Promise<void>;
  /** True when the key was free and is now taken. */
  setIfAbsent(key: string, value: string, options: { ttlMs: number }): Promise<boolean>;
  /** Removes the key only while it holds `value`; true when it did. */
  deleteIf(key: string, value: string): Promise<boolean>;
  delete(key: string): Promise<void>;
  /** Adds and answers the new number; the time to live is set when the key is made. Refuses a key that holds no whole number. */
  increment(key: string, by: number, options: { ttlMs: number }): Promise<number>;
  publish(channel: string, message: string): Promise<void>;
  /** Answers the way to end the subscription. */
  subscribe(channel: string, handler: (message: string) => void): () => void;
};
