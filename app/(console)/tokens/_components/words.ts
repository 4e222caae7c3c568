import type { StatusKind } from '../../../../components/data/status-badge.tsx';
import type { KeyState, RevocationKind, TokenState } from '../../../../server/tokens/contract.ts';

type Words = { kind: StatusKind; word: string };
export const stateWords: Record<TokenState, Words> = {
  active: { kind: 'ok', word: 'Active' },
  expired: { kind: 'off', word: 'Expired' },
  revoked: { kind: 'off', word: 'Revoked' },
};
export const keyWords: Record<KeyState, Words> = {
  next: { kind: 'info', word: 'Next' },
  current: { kind: 'ok', word: 'Signs' },
  retired: { kind: 'off', word: 'Verifies only' },
  compromised: { kind: 'bad', word: 'Compromised' },
};
export const kindWords: Record<RevocationKind, string> = {
  token: 'Token',
  subject: 'Subject',
  key: 'Signing key',
  issuer: 'Issuer',
  session: 'Session',
};

// Not from the contract, whose schemas would come along with the page.
export const tokenStates = ['active', 'expired', 'revoked'] as const satisfies TokenState[];
export const revocationKinds = [
  'token',
  'subject',
  'key',
  'issuer',
  'session',
] as const satisfies RevocationKind[];
