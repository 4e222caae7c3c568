import { formatClock } from '../format/time.ts';

/** Over data that could not be refreshed. */
export function StaleNote({ at }: { at: number }) {
  return (
    <p role="status" className="mb-2 text-12 text-warn-text">
      Not refreshed; last good {formatClock(at)}. It is tried again by itself.
    </p>
  );
}
