/**
 * System: the console watching itself. `createLive` samples its own figures twice a second for the stream and
 * keeps the last 15 minutes; `createSystem` answers what it is, how it is, and what needs a person; `createSecurity`
 * reads how safe it is set up.
 */
export { components } from './checks.ts';
export { createLive, type Live, round } from './live.ts';
export { systemRouter } from './router.ts';
export { createSecurity, type Security } from './security.ts';
export { createSystem, type System } from './service.ts';
