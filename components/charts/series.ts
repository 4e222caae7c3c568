/** What a chart is told about its lines. */
export type Series = { name: string; label: string; color: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 };
export type Threshold = { value: number; label: string };
export const colorOf = (series: Series) => `var(--chart-${series.color})`;
