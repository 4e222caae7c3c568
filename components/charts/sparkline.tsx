/** 80 × 20, for tables and tiles. Gaps are gaps. */
export function Sparkline(props: { values: readonly (number | null)[]; label: string }) {
  const { values, label } = props;
  const known = values.filter((value) => value !== null);
  const max = Math.max(...known, 0);
  const step = values.length > 1 ? 78 / (values.length - 1) : 0;
  let path = '';
  let pen = 'M';
  values.forEach((value, index) => {
    if (value === null) {
      pen = 'M';
      return;
    }
    const y = max === 0 ? 18 : 18 - (value / max) * 16;
    // A line of no length is a dot: one known value between gaps is seen.
    path += `${pen}${(1 + index * step).toFixed(1)} ${y.toFixed(1)}${pen === 'M' ? 'h0' : ''}`;
    pen = 'L';
  });
  return (
    <svg
      width="80"
      height="20"
      viewBox="0 0 80 20"
      role="img"
      aria-label={label}
      className="shrink-0"
    >
      <path
        d={path}
        fill="none"
        stroke="var(--chart-1)"
        strokeWidth="1.25"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
