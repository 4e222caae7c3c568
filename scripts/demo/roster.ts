/** The members of the fleet and what is done to them. What is done to one member happens one thing after the other. */
import { randomBytes } from 'node:crypto';
import {
  dependencies,
  type Fault,
  faults,
  isServiceName,
  redisFaults,
  type ServiceView,
  serviceNames,
  shiftable,
} from './catalog.ts';
import { type ConsoleAccess, createRedis, createService, hasRedis, type Member } from './member.ts';
import { SUPERVISOR_PORT, takePort } from './ports.ts';

export type RosterOptions = {
  log: (line: string) => void;
  /** `fixed` (default): 4611 and following where they are free; `free`: any, for tests beside a running demo. */
  ports?: 'fixed' | 'free';
  /** Restarting these succeeds, and they stay broken. */
  brokenRestart?: readonly string[];
  /** How often a service that leaks does; for tests that cannot wait a minute. */
  leakEveryMs?: number;
  /** Whether a Redis server belongs to it; by default when there is one on the PATH. */
  redis?: boolean;
};
export type Restarted = { restarted: true; pid: number | null } | { restarted: false };
export type Roster = {
  supervisorPort: number;
  has(name: string): boolean;
  view(name: string): ServiceView;
  views(): ServiceView[];
  /** Starts everything; throws when a member does not answer within 10 s. */
  start(): Promise<void>;
  /** Kills and starts a member. */
  restart(name: string): Promise<Restarted>;
  /** Puts a fault in; `none` takes it out, and starts a member that is dead. A sentence when that cannot be done. */
  setFault(name: string, fault: Fault, latencyMs?: number): Promise<string | null>;
  /** Whether the orders are others than the model has learned; stays when the service is restarted. */
  shiftInputs(shifted: boolean): void;
  setHeartbeat(url: string): void;
  setConsole(access: ConsoleAccess): void;
  close(): Promise<void>;
};
type Entry = { member: Member; restarts: number; turn: Promise<unknown> };

export async function createRoster(options: RosterOptions): Promise<Roster> {
  const { ports, redis, brokenRestart = [], leakEveryMs } = options;
  let closed = false;
  const log = (line: string) => {
    if (!closed) options.log(line);
  };
  const taken = new Set<number>();
  const portAt = (offset: number) =>
    takePort(ports === 'free' ? null : SUPERVISOR_PORT + offset, taken);
  const supervisorPort = await portAt(0);
  const numbers = new Map<string, number>();
  for (const [index, name] of serviceNames.entries()) numbers.set(name, await portAt(index + 1));
  const peers = Object.fromEntries(
    [...numbers].map(([name, port]) => [name, `http://127.0.0.1:${port}`]),
  );
  const entries = new Map<string, Entry>();
  const enlist = (name: string, member: Member) =>
    entries.set(name, { member, restarts: 0, turn: Promise.resolve() });
  for (const name of serviceNames) {
    const token = randomBytes(32).toString('base64url');
    enlist(
      name,
      createService({ name, port: numbers.get(name) ?? 0, token, peers, log, leakEveryMs }),
    );
  }
  if (redis ?? hasRedis()) {
    enlist('redis', createRedis({ port: await portAt(serviceNames.length + 1), log }));
  }

  let shifted = false;
  const entryOf = (name: string) => {
    const entry = entries.get(name);
    if (!entry) throw new Error(`There is no service ${name}.`);
    return entry;
  };
  const inTurn = <T>(name: string, work: (entry: Entry) => Promise<T>): Promise<T> => {
    const entry = entryOf(name);
    const done = entry.turn.then(() => {
      if (closed) throw new Error('The demo fleet is closing.');
      return work(entry);
    });
    entry.turn = done.catch(() => undefined);
    return done;
  };
  const view = (name: string): ServiceView => {
    const { member, restarts } = entryOf(name);
    const pid = member.pid();
    return {
      name,
      kind: member.kind,
      url: member.url,
      healthUrl: member.healthUrl,
      pid,
      alive: pid !== null,
      fault: member.fault(),
      accepts: member.kind === 'redis' ? redisFaults : faults,
      restarts,
      ...(name === shiftable ? { inputsShifted: shifted } : {}),
      dependsOn: isServiceName(name) ? dependencies[name] : [],
    };
  };
  return {
    supervisorPort,
    has: (name) => entries.has(name),
    view,
    views: () => [...entries.keys()].map(view),
    async start() {
      const starts = [...entries].map(async ([name, { member }]) => {
        if (!(await member.start())) throw new Error(`The demo service ${name} did not start.`);
      });
      await Promise.all(starts);
    },
    restart: (name) =>
      inTurn(name, async (entry) => {
        const { member } = entry;
        await member.kill('kill');
        const answers = await member.start(brokenRestart.includes(name) ? 'errors' : 'none');
        if (!answers) return { restarted: false };
        entry.restarts += 1;
        return { restarted: true, pid: member.pid() };
      }),
    setFault: (name, fault, latencyMs) =>
      inTurn(name, async ({ member }) => {
        if (fault === 'kill') {
          await member.kill('kill');
          return null;
        }
        if (member.pid() === null) {
          if (fault !== 'none') return `${name} is not running; start it with the fault none first`;
          return (await member.start()) ? null : `${name} did not start within 10 s`;
        }
        await member.inject(fault, latencyMs);
        return null;
      }),
    shiftInputs(next) {
      shifted = next;
      entries.get(shiftable)?.member.tell({ shifted });
    },
    setConsole(access) {
      for (const { member } of entries.values()) member.tell({ console: access });
    },
    setHeartbeat: (url) => entries.get('worker')?.member.tell({ heartbeatUrl: url }),
    async close() {
      closed = true;
      // What is under way may be about to start a process.
      const ends = [...entries.values()].map(async ({ member, turn }) => {
        await member.kill('kill');
        await turn;
        await member.kill('kill');
      });
      await Promise.all(ends);
    },
  };
}
