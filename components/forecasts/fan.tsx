/** 132 × 24, for tables: what was, then what is expected with its interval. Gaps are gaps. */
export function Fan(props: {
  history: readonly (number | null)[];
  mean: readonly number[];
  lower: readonly number[];
  upper: readonly number[];
  label: string;
}) {
  const { history, mean, lower, upper, label } = props;
  const all = [...history.filter((value) => value !== null), ...lower, ...upper];
  if (all.length < 2) return <span className="text-faint">–</span>;
  const [min, max] = [Math.min(...all), Math.max(...all)];
  const count = history.length + mean.length;
  const x = (place: number) => 1 + (place * 130) / Math.max(1, count - 1);
  const y = (value: number) => (max === min ? 12 : 22 - ((value - min) / (max - min)) * 20);
  const point = (place: number, value: number) => `${x(place).toFixed(1)} ${y(value).toFixed(1)}`;
  let path = '';
  let pen = 'M';
  history.forEach((value, place) => {
    if (value === null) {
      pen = 'M';
      return;
    }
    path += `${pen}${point(place, value)}`;
    pen = 'L';
  });
  const ahead = (values: readonly number[]) =>
    values.map((value, i) => point(history.length + i, value));
  const band = [...ahead(upper), ...ahead(lower).reverse()];
  return (
    <svg width="132" height="24" viewBox="0 0 132 24" role="img" aria-label={label}>
      {band.length > 2 ? (
        <path d={`M${band.join('L')}Z`} fill="var(--color-mark)" fillOpacity="0.18" />
      ) : null}
      <path d={path} fill="none" stroke="var(--chart-1)" strokeWidth="1.25" />
      {mean.length > 0 ? (
        <path
          d={`M${ahead(mean).join('L')}`}
          fill="none"
          stroke="var(--chart-1)"
          strokeWidth="1.25"
          strokeDasharray="2 2"
        />
      ) : null}
    </svg>
  );
}
