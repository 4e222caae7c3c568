import { z } from 'zod';
import { idPageSchema } from '../api/contract.ts';
import type { State } from '../health/contract.ts';

export const faults = ['kill', 'hang', 'latency', 'errors', 'leak', 'body'] as const;
export type Fault = (typeof faults)[number];
export const outcomes = [
  'running',
  'recovered',
  'not_recovered',
  'not_detected',
  'cancelled',
] as const;
export type Outcome = (typeof outcomes)[number];

/** After so long without recovery a game day ends, and the fault is taken out. */
export const LIMIT_MS = 5 * 60_000;
export const DEFAULT_LATENCY_MS = 3_000;
export const START_COMMAND = 'npm run demo';

const LATENCY = 'A whole number of milliseconds from 1 to 60000';
export const runSchema = z
  .strictObject({
    service: z.string().regex(/^[\w-]{1,100}$/, 'The name of a service'),
    fault: z.enum(faults, `One of ${faults.join(', ')}`),
    latencyMs: z.number(LATENCY).int(LATENCY).min(1, LATENCY).max(60_000, LATENCY).optional(),
  })
  .refine(({ fault, latencyMs }) => fault === 'latency' || latencyMs === undefined, {
    path: ['latencyMs'],
    message: 'Belongs to the fault latency',
  });
export type RunInput = z.output<typeof runSchema>;
export const gameDayIdSchema = z.strictObject({ id: z.uuid() });
export const gameDayListSchema = idPageSchema;

export type GameDayItem = {
  id: string;
  service: string;
  fault: Fault;
  targetId: string;
  targetName: string;
  status: Outcome;
  startedAt: string;
  startedBy: string;
  endedAt: string | null;
  /** All from the start; null while, or because, it did not happen. */
  timeToFirstFailureMs: number | null;
  timeToDetectMs: number | null;
  timeToRemedyMs: number | null;
  timeToRecoverMs: number | null;
  detail: string | null;
};
export type FleetService = {
  name: string;
  kind: string;
  url: string;
  alive: boolean;
  /** `none` when it is whole. */
  fault: Fault | 'none';
  /** What can be put into it. */
  accepts: Fault[];
  restarts: number;
  dependsOn: string[];
  /** The target of its name. */
  target: { id: string; state: State } | null;
  /** Id of the game day that runs on it. */
  gameDayId: string | null;
};
export type FleetView =
  /** This console was started without one; `command` starts one. */
  | { state: 'none'; command: string }
  | { state: 'unreachable'; detail: string }
  | { state: 'connected'; services: FleetService[] };
