/** Figures as sentences have them. Pure. */

export const megabytes = (bytes: number): string =>
  bytes >= 1e9
    ? `${(bytes / 1e9).toFixed(1)} GB`
    : bytes >= 1e6
      ? `${Math.round(bytes / 1e6)} MB`
      : `${Math.max(1, Math.round(bytes / 1e3))} kB`;

export const rowsText = (rows: number): string =>
  rows >= 1e6 ? `${(rows / 1e6).toFixed(1)} million` : Math.round(rows).toLocaleString('en-US');

export const duration = (ms: number): string =>
  ms >= 3_600_000
    ? `${(ms / 3_600_000).toFixed(1)} h`
    : ms >= 60_000
      ? `${(ms / 60_000).toFixed(1)} min`
      : ms >= 1_000
        ? `${(ms / 1_000).toFixed(1)} s`
        : `${ms >= 10 ? Math.round(ms) : ms.toFixed(1)} ms`;
