/**
 * Game days: puts a fault into a service of the demo fleet and times what follows.
 *
 * Times come from what health has written about the service's target since the start: first failed check, change to
 * degraded or down (detected), first remedy that ran, change back (recovered). A game day ends when the target is
 * back and the fault is gone, or after five minutes; then the fault is taken out. At most one a service at a time.
 * Any number of replicas may follow it; one ends it, by compare-and-swap. Without a fleet nothing can be broken.
 */
export { gamedaysRouter } from './router.ts';
export { createGameDays, type GameDays } from './service.ts';
