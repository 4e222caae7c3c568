import type { Tx } from '../platform/db/index.ts';

const ACCOUNTS_LOCK = 0x75736572;

/** One at a time, until the transaction ends: whatever makes or counts accounts (the first admin, the last one). */
export const lockAccounts = (tx: Tx) =>
  tx.$executeRaw`SELECT pg_advisory_xact_lock(${ACCOUNTS_LOCK})`;
