/** MSTL with an exponentially smoothed trend, by augurs (WebAssembly). Loaded once, in the thread that fits. */
import { readFileSync } from 'node:fs';
import { initSync, MSTL } from '@bsull/augurs/mstl';

let ready = false;

/** Null where it cannot be fitted; the series needs two whole seasons. */
export function mstl(
  y: Float64Array,
  seasons: readonly number[],
  steps: number,
): Float64Array | null {
  const usable = seasons.filter((season) => y.length > 2 * season);
  if (usable.length === 0) return null;
  if (!ready) {
    // The package does not export the file beside its code.
    const file = new URL('./mstl_bg.wasm', import.meta.resolve('@bsull/augurs/mstl'));
    initSync({ module: readFileSync(file) });
    ready = true;
  }
  const model = MSTL.ets(usable, { impute: true });
  try {
    model.fit(y);
    return Float64Array.from(model.predict(steps).point);
  } catch {
    return null;
  } finally {
    model.free();
  }
}
