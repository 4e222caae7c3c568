/** Round figures for axes: at most five ticks. */

const MAX_STEPS = 4;

/** From zero, or below it at most `min`, to at least `max`, in steps people count in; powers of two for bytes. */
export function valueTicks(max: number, base: 'decimal' | 'binary', min = 0): number[] {
  const top = Math.max(0, max);
  const bottom = Math.min(0, min);
  if (!(top - bottom > 0)) return [0, 1];
  let raw = (top - bottom) / MAX_STEPS;
  for (;;) {
    const step = base === 'binary' ? 2 ** Math.ceil(Math.log2(raw)) : decimalStep(raw);
    const first = Math.floor(bottom / step + 1e-9);
    const steps = Math.ceil(top / step - 1e-9) - first;
    // Steps on both sides of zero may be one too many.
    if (steps <= MAX_STEPS) {
      return Array.from({ length: steps + 1 }, (_, index) =>
        Number(((first + index) * step).toPrecision(12)),
      );
    }
    raw = step * 1.01;
  }
}

function decimalStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = [1, 2, 2.5, 5].find((each) => raw <= each * power * (1 + 1e-9)) ?? 10;
  return factor * power;
}

const STEPS_SECONDS = [
  1, 2, 5, 10, 15, 30, 60, 120, 180, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
  86_400, 172_800, 604_800, 1_209_600, 2_592_000,
] as const;

export function timeTicks(from: number, to: number): number[] {
  const step =
    (STEPS_SECONDS.find((s) => (to - from) / (s * 1000) <= MAX_STEPS + 1) ?? 7_776_000) * 1000;
  const first = Math.ceil(from / step) * step;
  const steps = Math.max(0, Math.floor((to - first) / step));
  return Array.from({ length: Math.min(steps, MAX_STEPS) + 1 }, (_, index) => first + index * step);
}
