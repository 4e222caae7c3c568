/** The type that typed clients are made from: `createTRPCClient<AppRouter>(…)`. */
export type { AppRouter } from '../modules.ts';
