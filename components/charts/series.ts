/** What a chart is told about its lines. */
export type Series = { name: string; label: string; color: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 };
export type Threshold = { value: number; label: string };
/** Something that happened, drawn as a line across the chart. */
export type EventMark = { at: number; label: string; tone: 'ok' | 'bad' | 'info' };
export const colorOf = (series: Series) => `var(--chart-${series.color})`;
