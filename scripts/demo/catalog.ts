/** What the demo fleet consists of, and what can be made to go wrong with it. */
export const faults = ['kill', 'hang', 'latency', 'errors', 'leak', 'body', 'none'] as const;
export type Fault = (typeof faults)[number];
/** Faults that a service puts into itself; `kill` is done to it from outside. */
export type InnerFault = Exclude<Fault, 'kill'>;

export const serviceNames = ['cache', 'payments', 'search', 'flaky', 'api', 'worker'] as const;
export type ServiceName = (typeof serviceNames)[number];

/** Direct calls of each service. */
export const dependencies: Readonly<Record<ServiceName, readonly ServiceName[]>> = {
  cache: [],
  payments: [],
  search: [],
  flaky: [],
  api: ['cache', 'payments', 'search'],
  worker: ['api'],
};

/** Takes the orders, and can be made to take others than the model has learned. Nothing that its health shows. */
export const shiftable: ServiceName = 'worker';
export const SHIFT = 'shift';

/** A Redis server knows nothing of our faults: it is killed, or stopped in its tracks. */
export const redisFaults = ['kill', 'hang', 'none'] as const satisfies readonly Fault[];

export const DEFAULT_LATENCY_MS = 3_000;
export const MAX_LATENCY_MS = 60_000;

export function isFault(value: unknown): value is Fault {
  return faults.some((fault) => fault === value);
}

export function isServiceName(value: unknown): value is ServiceName {
  return serviceNames.some((name) => name === value);
}

/** One service as the supervisor tells of it. */
export type ServiceView = {
  name: string;
  kind: 'http' | 'redis';
  url: string;
  healthUrl: string;
  pid: number | null;
  alive: boolean;
  fault: Fault;
  /** Faults that it accepts. */
  accepts: readonly Fault[];
  restarts: number;
  /** Of the worker: whether its orders are others than the model has learned. */
  inputsShifted?: boolean;
  dependsOn: readonly string[];
};
