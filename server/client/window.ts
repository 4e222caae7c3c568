/**
 * Outcomes of a sliding window in a ring of buckets: constant memory, and constant work a call, since each bucket is
 * taken out of the sums once. Times are milliseconds of one monotonic clock; what comes from before the newest bucket
 * (a clock that was set back) is counted there.
 */
import { MAX_BUCKETS } from './contract.ts';

const FAILURES = 1;
const SLOW = 2;

/** One bucket as it travels: its age in buckets, calls, failures, slow calls. */
export type Bucket = readonly [age: number, calls: number, failures: number, slow: number];

export class SlidingWindow {
  calls = 0;
  failures = 0;
  slow = 0;
  readonly #counts: Uint32Array;
  readonly #size: number;
  readonly #bucketMs: number;
  /** Number of the newest bucket, and when it is over. */
  #head = 0;
  #headEnd = 0;

  /** Numbers a bucket: calls, failures, and slow calls where the policy knows such. */
  readonly #fields: 2 | 3;

  constructor(policy: { windowMs: number; bucketMs: number; slowCallMs: number | null }) {
    this.#fields = policy.slowCallMs === null ? 2 : 3;
    this.#size = policy.windowMs / policy.bucketMs;
    this.#bucketMs = policy.bucketMs;
    this.#counts = new Uint32Array(this.#size * this.#fields);
  }

  /** Forgets what is older than the window. */
  advance(now: number): void {
    if (now < this.#headEnd) return;
    const head = Math.floor(now / this.#bucketMs);
    const passed = head - this.#head;
    if (passed >= this.#size) this.clear();
    else {
      for (let n = this.#head + 1; n <= head; n++) {
        const at = (n % this.#size) * this.#fields;
        this.calls -= this.#take(at);
        this.failures -= this.#take(at + FAILURES);
        if (this.#fields > SLOW) this.slow -= this.#take(at + SLOW);
      }
    }
    this.#head = head;
    this.#headEnd = (head + 1) * this.#bucketMs;
  }

  #take(index: number): number {
    const count = this.#counts[index] ?? 0;
    this.#counts[index] = 0;
    return count;
  }

  add(now: number, failed: boolean, slow: boolean): void {
    this.advance(now);
    const at = (this.#head % this.#size) * this.#fields;
    const counts = this.#counts;
    // Within bounds: `at` is the start of one of `#size` buckets.
    (counts[at] as number)++;
    this.calls++;
    if (failed) {
      (counts[at + FAILURES] as number)++;
      this.failures++;
    }
    if (slow && this.#fields > SLOW) {
      (counts[at + SLOW] as number)++;
      this.slow++;
    }
  }

  clear(): void {
    if (this.calls > 0) this.#counts.fill(0);
    this.calls = 0;
    this.failures = 0;
    this.slow = 0;
  }

  #at(age: number): number {
    return ((((this.#head - age) % this.#size) + this.#size) % this.#size) * this.#fields;
  }

  /** Buckets that hold something, newest first. */
  buckets(now: number): Bucket[] {
    this.advance(now);
    const found: Bucket[] = [];
    if (this.calls === 0) return found;
    for (let age = 0; age < this.#size; age++) {
      const at = this.#at(age);
      const calls = this.#counts[at] ?? 0;
      if (calls === 0) continue;
      const slow = this.#fields > SLOW ? (this.#counts[at + SLOW] ?? 0) : 0;
      found.push([age, calls, this.#counts[at + FAILURES] ?? 0, slow]);
    }
    return found;
  }

  /** Adds what another program counted; ages are of `now`. */
  merge(now: number, buckets: readonly Bucket[]): void {
    this.advance(now);
    for (const [age, calls, failures, slow] of buckets) {
      if (age < 0 || age >= this.#size) continue;
      const at = this.#at(age);
      this.#counts[at] = (this.#counts[at] ?? 0) + calls;
      this.#counts[at + FAILURES] = (this.#counts[at + FAILURES] ?? 0) + failures;
      this.calls += calls;
      this.failures += failures;
      if (this.#fields <= SLOW) continue;
      this.#counts[at + SLOW] = (this.#counts[at + SLOW] ?? 0) + slow;
      this.slow += slow;
    }
  }
}

/** `age.calls.failures.slow;…` in base 36, as it is kept in the shared store. */
export function packBuckets(buckets: readonly Bucket[]): string {
  return buckets.map((bucket) => bucket.map((n) => n.toString(36)).join('.')).join(';');
}

/**
 * The buckets of a text that `packBuckets` made, `later` buckets older now. What cannot be read is left out, and so is
 * what no window has: a bucket that came before, or an age beyond the longest window.
 */
export function unpackBuckets(text: string, later = 0): Bucket[] {
  if (text === '') return [];
  let newest = -1;
  return text.split(';').flatMap((part) => {
    const [age = Number.NaN, calls = Number.NaN, failures = Number.NaN, slow = Number.NaN] = part
      .split('.')
      .map((digits) => Number.parseInt(digits, 36));
    const sound = age > newest && age < MAX_BUCKETS && calls > 0 && failures >= 0 && slow >= 0;
    const most = 0xffff_ffff;
    if (!sound || calls > most || failures > calls || slow > calls) return [];
    newest = age;
    return [[age + later, calls, failures, slow] as const];
  });
}
