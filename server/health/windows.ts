/**
 * Maintenance windows: once (from, to) or recurring (cron in a time zone, with a length). Pure but for the cron
 * parser, which is `cron-parser`.
 */
import { CronExpressionParser } from 'cron-parser';

export type Window = {
  id: string;
  targetIds: readonly string[];
  startsAt: number | null;
  endsAt: number | null;
  cron: string | null;
  timeZone: string;
  durationMs: number | null;
};

/** The occurrence that covers `now`, or null. */
export function occurrenceAt(window: Window, now: number): { from: number; to: number } | null {
  if (window.cron === null || window.durationMs === null) {
    if (window.startsAt === null || window.endsAt === null) return null;
    return window.startsAt <= now && now < window.endsAt
      ? { from: window.startsAt, to: window.endsAt }
      : null;
  }
  if (window.startsAt !== null && now < window.startsAt) return null;
  if (window.endsAt !== null && now >= window.endsAt) return null;
  // `prev` is strictly before its date, hence the added millisecond.
  const from = CronExpressionParser.parse(window.cron, {
    currentDate: new Date(now + 1),
    tz: window.timeZone,
  })
    .prev()
    .getTime();
  return now < from + window.durationMs ? { from, to: from + window.durationMs } : null;
}

/** The next occurrence that begins after `now`, or null when there is none. */
export function nextOccurrence(window: Window, now: number): { from: number; to: number } | null {
  if (window.cron === null || window.durationMs === null) {
    if (window.startsAt === null || window.endsAt === null || window.startsAt <= now) return null;
    return { from: window.startsAt, to: window.endsAt };
  }
  const after = Math.max(now, (window.startsAt ?? now) - 1);
  const from = CronExpressionParser.parse(window.cron, {
    currentDate: new Date(after),
    tz: window.timeZone,
  })
    .next()
    .getTime();
  if (window.endsAt !== null && from >= window.endsAt) return null;
  return { from, to: from + window.durationMs };
}

/** A sentence when `cron` cannot be used, else null. Five fields; at most every five minutes. */
export function cronFault(cron: string, timeZone: string, durationMinutes: number): string | null {
  if (cron.trim().split(/\s+/).length !== 5) {
    return 'Five fields are needed: minute hour day-of-month month day-of-week, e.g. 0 3 * * 0';
  }
  try {
    const at = CronExpressionParser.parse(cron, { currentDate: new Date(0), tz: timeZone });
    const [first, second] = [at.next().getTime(), at.next().getTime()];
    if (second - first < durationMinutes * 60_000) {
      return `It begins again before it has ended after ${durationMinutes} min`;
    }
    return null;
  } catch (error) {
    return `Not a cron expression: ${error instanceof Error ? error.message.slice(0, 200) : 'unreadable'}`;
  }
}
