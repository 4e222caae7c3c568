/**
 * Whether people are told. Pure.
 *
 * A notice goes by the earliest date of the interval: it is there to leave time, and a date that is too early costs a
 * look while one that is too late costs the disk. It is only given when a date is expected at all. So that it does not
 * flap it begins when the looks of a quarter of an hour agree, and it ends or weakens when the looks of three hours
 * agree on a date that is a quarter farther off than the one at which it began. What is over its limit is told at once.
 */
import type { Notice } from './contract.ts';

const DAY_MS = 86_400_000;
const RAISE_MS = 15 * 60_000;
const LOWER_MS = 3 * 3_600_000;
const FARTHER = 1.25;
const rank: Record<Notice, number> = { none: 0, warn: 1, critical: 2 };

export type NoticeState = {
  notice: Notice;
  since: number | null;
  /** What the looks have asked for without a break, and since when. */
  wish: Notice;
  wishSince: number | null;
};
export type Look = {
  now: number;
  over: boolean;
  /** Null: no date. */
  earliest: number | null;
  warnDays: number;
  criticalDays: number;
};

export function wishOf(current: Notice, look: Look): Notice {
  if (look.over) return 'critical';
  if (look.earliest === null) return 'none';
  const daysLeft = (look.earliest - look.now) / DAY_MS;
  const within = (level: 'warn' | 'critical', limit: number) =>
    daysLeft <= limit * (rank[current] >= rank[level] ? FARTHER : 1);
  if (within('critical', look.criticalDays)) return 'critical';
  return within('warn', look.warnDays) ? 'warn' : 'none';
}

export function nextNotice(state: NoticeState, look: Look): NoticeState {
  const wish = wishOf(state.notice, look);
  if (wish === state.notice) return { ...state, wish, wishSince: null };
  const rises = rank[wish] > rank[state.notice];
  const before = rank[state.wish] > rank[state.notice];
  // A wish that turned round begins anew; one that only changed its strength goes on. So does one from a clock that went back.
  const goesOn =
    state.wishSince !== null &&
    state.wish !== state.notice &&
    before === rises &&
    state.wishSince <= look.now;
  const wishSince = goesOn ? state.wishSince : look.now;
  const waited = look.now - (wishSince ?? look.now);
  if ((look.over && rises) || waited >= (rises ? RAISE_MS : LOWER_MS)) {
    return {
      notice: wish,
      since: wish === 'none' ? null : rises || state.since === null ? look.now : state.since,
      wish,
      wishSince: null,
    };
  }
  return { ...state, wish, wishSince };
}
