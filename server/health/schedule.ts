/**
 * When each target is due: a binary heap by due time with one entry a key. Pure; times are milliseconds of any
 * one clock that never goes back.
 */
export type Schedule = {
  /** Sets when `key` is due next; moves it when it is already there. */
  set(key: string, due: number): void;
  remove(key: string): void;
  /** Takes the earliest key that is due at `now`, or null. */
  pop(now: number): { key: string; due: number } | null;
  has(key: string): boolean;
  size(): number;
  clear(): void;
};

export function createSchedule(): Schedule {
  const heap: { key: string; due: number }[] = [];
  const places = new Map<string, number>();
  const put = (entry: { key: string; due: number }, place: number) => {
    heap[place] = entry;
    places.set(entry.key, place);
  };
  const up = (entry: { key: string; due: number }, from: number) => {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above];
      if (!parent || parent.due <= entry.due) break;
      put(parent, place);
      place = above;
    }
    put(entry, place);
  };
  const down = (entry: { key: string; due: number }, from: number) => {
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      const right = heap[below + 1];
      let child = heap[below];
      if (child && right && right.due < child.due) {
        below += 1;
        child = right;
      }
      if (!child || child.due >= entry.due) break;
      put(child, place);
      place = below;
    }
    put(entry, place);
  };
  const removeAt = (place: number) => {
    const gone = heap[place];
    const last = heap.pop();
    if (gone) places.delete(gone.key);
    if (!last || !gone || last === gone) return;
    if (last.due < gone.due) up(last, place);
    else down(last, place);
  };
  return {
    set(key, due) {
      const place = places.get(key);
      if (place !== undefined) removeAt(place);
      up({ key, due }, heap.length);
    },
    remove(key) {
      const place = places.get(key);
      if (place !== undefined) removeAt(place);
    },
    pop(now) {
      const first = heap[0];
      if (!first || first.due > now) return null;
      removeAt(0);
      return first;
    },
    has: (key) => places.has(key),
    size: () => heap.length,
    clear() {
      heap.length = 0;
      places.clear();
    },
  };
}

/** Where in its interval a target is checked, 0–1: spread evenly, and the same after every restart. */
export function phaseOf(ref: number): number {
  // Golden-ratio sequence: any run of numbers is spread evenly.
  return (ref * 0.618_033_988_749_894_9) % 1;
}

/**
 * The next due time after a check that was due at `due` and ended at `now`: a fixed grid, so that checks do not
 * drift together, with ±2.5 % jitter; missed slots are skipped, not caught up.
 */
export function nextDue(due: number, intervalMs: number, now: number, random: number): number {
  const late = Math.max(0, now - due);
  const slots = Math.floor(late / intervalMs) + 1;
  return due + slots * intervalMs + (random - 0.5) * 0.05 * intervalMs;
}
