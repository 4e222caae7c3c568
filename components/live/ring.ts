/** The last minutes of figures, one point a second, oldest dropped first. */
import type { MetricPoint } from '../../server/system/contract.ts';

export type LivePoint = { at: number; metrics: Readonly<Record<string, number>> };

const KEEP_MS = 15 * 60_000;
const STEP_MS = 1_000;

export class Ring {
  #points: LivePoint[] = [];

  get points(): readonly LivePoint[] {
    return this.#points;
  }

  /** A second keeps its latest frame. */
  push(point: LivePoint): void {
    const last = this.#points.at(-1);
    if (last && point.at <= last.at) return;
    if (last && Math.floor(last.at / STEP_MS) === Math.floor(point.at / STEP_MS)) {
      this.#points[this.#points.length - 1] = point;
    } else {
      this.#points.push(point);
    }
    const start = this.#points.findIndex(({ at }) => at >= point.at - KEEP_MS);
    if (start > 60) this.#points.splice(0, start);
  }

  /** Puts what the server remembers before and between what was seen here. */
  seed(history: readonly MetricPoint[]): void {
    const known = this.#points;
    const older = history.map(({ at, metrics }) => ({ at: Date.parse(at), metrics }));
    const missing = older.filter(
      ({ at }) => !known.some((point) => Math.abs(point.at - at) < 4 * STEP_MS),
    );
    if (missing.length === 0) return;
    this.#points = [...missing, ...known].sort((a, b) => a.at - b.at);
  }
}
