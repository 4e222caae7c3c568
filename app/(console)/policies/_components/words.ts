import type { StatusKind } from '../../../../components/data/status-badge.tsx';
import type {
  Conditions,
  Effect,
  MatrixCell,
  Origin,
} from '../../../../server/policies/contract.ts';

export const defaultWords: Record<Effect, string> = {
  allow: 'Where no rule speaks, what the role allows is allowed.',
  deny: 'Only what a rule allows is allowed.',
};
export const effectWords: Record<Effect, { kind: StatusKind; word: string }> = {
  allow: { kind: 'ok', word: 'Allow' },
  deny: { kind: 'bad', word: 'Deny' },
};
export const originWords: Record<Origin, string> = {
  rule: 'a rule',
  default: 'the default',
  role: 'the role',
  scopes: 'the scopes',
  credential: 'the credential',
  protected: 'protection',
  loading: 'not loaded yet',
};
const denied: Record<Origin, { kind: StatusKind; word: string }> = {
  rule: { kind: 'bad', word: 'Denied' },
  default: { kind: 'warn', word: 'Default' },
  role: { kind: 'off', word: 'Role' },
  scopes: { kind: 'off', word: 'Scopes' },
  credential: { kind: 'unknown', word: 'Ended' },
  protected: { kind: 'off', word: 'No' },
  loading: { kind: 'unknown', word: 'Not yet' },
};

/** What stands in a cell of the matrix; a star says that it may differ at another time or from elsewhere. */
export function cellWord({ allowed, by, conditional }: MatrixCell): {
  kind: StatusKind;
  word: string;
} {
  const star = conditional ? '*' : '';
  if (!allowed) return { ...denied[by], word: `${denied[by].word}${star}` };
  return { kind: by === 'rule' ? 'info' : 'ok', word: `Yes${star}` };
}

export const dayNames = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;

/** `Mon–Fri 08:00–18:00 UTC; 10.0.0.0/8` */
export function conditionWords({ times, addresses, environments }: Conditions): string {
  const parts = [
    ...(times ?? []).map(
      ({ days, from, to, timeZone }) =>
        `${daysWord(days)} ${from === to ? 'all day' : `${from}–${to}`} ${timeZone}`,
    ),
    ...(addresses ? [addresses.join(', ')] : []),
    ...(environments ? [environments.join(', ')] : []),
  ];
  return parts.join('; ');
}

function daysWord(days: readonly number[]): string {
  if (days.length === 7) return 'daily';
  const [first = 1] = days;
  const last = days.at(-1) ?? first;
  const inRow = days.every((day, at) => day === first + at);
  if (inRow && days.length > 2) return `${dayNames[first - 1]}–${dayNames[last - 1]}`;
  return days.map((day) => dayNames[day - 1]).join(', ');
}
