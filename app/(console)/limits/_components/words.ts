import type { LimitItem, LimitSource } from '../../../../server/limits/contract.ts';

export const perWords: Record<LimitItem['per'], string> = {
  address: 'address',
  key: 'key',
  session: 'person',
  caller: 'caller',
  console: 'all together',
};
export const modeWords: Record<LimitItem['mode'], string> = {
  base: 'always',
  also: 'beside the caller’s own',
  instead: 'in place of the caller’s own',
};
export const modeBriefly: Record<LimitItem['mode'], string> = {
  base: 'always',
  also: 'beside',
  instead: 'in place',
};
export const sourceWords: Record<LimitSource, string> = {
  default: 'Default',
  config: 'Configuration',
  override: 'Override',
};
export const kindWords = {
  address: 'Address',
  key: 'API key',
  session: 'Person',
  console: 'All together',
} as const;
