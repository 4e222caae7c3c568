/** How the pages of databases speak. */
import type { StatusKind } from '../../../../components/data/status-badge.tsx';
import type { DatabaseItem, SetupCheck } from '../../../../server/queries/contract.ts';

export const checkWords: Readonly<Record<SetupCheck['state'], { kind: StatusKind; word: string }>> =
  {
    ok: { kind: 'ok', word: 'Good' },
    missing: { kind: 'bad', word: 'Missing' },
    warning: { kind: 'warn', word: 'Weak' },
    optional: { kind: 'info', word: 'Optional' },
  };
/** What needs a person first. */
export const checkOrder: Readonly<Record<SetupCheck['state'], number>> = {
  missing: 0,
  warning: 1,
  optional: 2,
  ok: 3,
};
export const placeText = ({ host, database }: DatabaseItem): string => `${host}/${database}`;
