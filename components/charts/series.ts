/** What a chart is told about its lines. */
export type Series = {
  name: string;
  label: string;
  color: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;
  /** Another stretch of time, for comparison. */
  dashed?: true;
  /** Where it is written otherwise than the chart's axis. */
  format?(value: number): string;
};
export const shapes = ['line', 'area', 'bar'] as const;
export type Shape = (typeof shapes)[number];
export type Threshold = { value: number; label: string };
/** Something that happened, drawn as a line across the chart. */
export type EventMark = { at: number; label: string; tone: 'ok' | 'bad' | 'info' };
export const colorOf = (series: Series) => `var(--chart-${series.color})`;
