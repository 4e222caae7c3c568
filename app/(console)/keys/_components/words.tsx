import { StatusBadge, type StatusKind } from '../../../../components/data/status-badge.tsx';
import type { KeyItem, KeyVersionItem } from '../../../../server/keys/contract.ts';

export type KeyAction = 'edit' | 'rotate' | 'revoke';
export type VersionAction = 'rehearse' | 'stop' | 'quiet' | 'end';

export const detailHref = (id: string) => `/keys/detail?id=${id}`;
export const liveOf = ({ versions }: Pick<KeyItem, 'versions'>) =>
  versions.filter(({ state }) => state !== 'ended');
/** The version that a newer one has taken over from, while it is still accepted. */
export const oldOf = ({ versions }: Pick<KeyItem, 'versions'>) =>
  versions.find(({ state }) => state === 'grace');
export const isAccepted = ({ state }: Pick<KeyItem, 'state'>) => state === 'active';

const ended: Record<Exclude<KeyItem['state'], 'active'>, { kind: StatusKind; word: string }> = {
  expired: { kind: 'off', word: 'Expired' },
  revoked: { kind: 'off', word: 'Revoked' },
  ended: { kind: 'off', word: 'Ended' },
  owner: { kind: 'bad', word: 'Owner gone' },
};

/** What matters most about a key now; `now` in milliseconds. */
export function stateOf(key: KeyItem, now: number): { kind: StatusKind; word: string } {
  if (key.state !== 'active') return ended[key.state];
  if (key.versions.some(({ rehearsalEndsAt }) => rehearsalEndsAt))
    return { kind: 'maintenance', word: 'Rehearsal' };
  // The newer ones were ended by hand: without another, nothing is accepted once its grace is over.
  if (!key.versions.some(({ state }) => state === 'active'))
    return { kind: 'warn', word: 'Ending' };
  if (oldOf(key)) return { kind: 'info', word: 'Rotating' };
  if (key.rotationDueAt && Date.parse(key.rotationDueAt) <= now)
    return { kind: 'warn', word: 'Overdue' };
  return { kind: 'ok', word: 'Accepted' };
}
export const urgency = { bad: 0, warn: 1, maintenance: 2, info: 3, ok: 4, unknown: 5, off: 6 };

/** `accepted`: whether the key is; of one that is not, no version is. */
export function VersionState(props: { version: KeyVersionItem; accepted: boolean }) {
  const { version, accepted } = props;
  if (version.rehearsalEndsAt) return <StatusBadge kind="maintenance" word="Rehearsal" />;
  if (version.state === 'ended') return <StatusBadge kind="off" word="Ended" />;
  return version.state === 'grace' ? (
    <StatusBadge kind={accepted ? 'info' : 'off'} word="In grace" />
  ) : (
    <StatusBadge kind={accepted ? 'ok' : 'off'} word="Newest" />
  );
}

export const ownerText = ({ owner }: KeyItem): string => {
  if (!owner) return 'the console';
  if (owner.state === 'removed') return 'removed';
  return owner.state === 'disabled' ? `${owner.name} (disabled)` : owner.name;
};
export const scopesText = ({ scopes }: Pick<KeyItem, 'scopes'>) =>
  scopes.length === 0 ? 'all of its role' : scopes.join(', ');
