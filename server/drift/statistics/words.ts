/** Numbers as a sentence has them. */

/** Three significant digits, plain where that is short; more where a tenth of `unit` is not seen in three. */
export function figure(value: number, unit = 0): string {
  if (!Number.isFinite(value)) return value > 0 ? 'infinitely many' : String(value);
  const size = Math.abs(value);
  const digits = Math.floor(Math.log10(size)) - Math.floor(Math.log10(unit)) + 2;
  if (digits > 3 && Number.isFinite(digits))
    return String(Number(value.toPrecision(Math.min(15, digits))));
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2);
  if (size >= 1_000) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

/** A share of 1 in per cent. */
export const percent = (share: number): string => `${figure(share * 100)} %`;

export const pText = (p: number): string => (p < 0.0001 ? '< 0.0001' : figure(p));

export const valuesText = (count: number): string => (count === 1 ? '1 value' : `${count} values`);
