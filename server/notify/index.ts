/**
 * Notify: tells people, durably and in order.
 */
export type { NotifyMessage } from './contract.ts';
