/**
 * The rules in memory: read at start, again when a replica says that they changed, and looked at each second for those who
 * did not hear it. While PostgreSQL is away the last ones hold.
 */
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { Log } from '../platform/log.ts';
import { conditionsSchema, type Effect, MAX_RULES, type Rule } from './contract.ts';
import { compile, type Policy } from './decide.ts';

const LOOK_EVERY_MS = 1_000;
/** Longer without having seen that they are the stored ones, and they are called old. */
const OLD_AFTER_MS = 15_000;

export type Loaded = {
  policy: Policy;
  rules: readonly Rule[];
  byId: ReadonlyMap<string, Rule>;
  defaultEffect: Effect;
  version: bigint;
};
export type Book = {
  /** Null until they were read for the first time. */
  current(): Loaded | null;
  /** Reads them now, whatever is in memory; what is there holds until they are read. */
  reload(): Promise<void>;
  /** Waits for the first reading; resolves also when that failed. */
  ready: Promise<void>;
  /** When it was last seen that these are the stored ones. */
  seenAt(): Date | null;
  /** They could not be compared for a while, though PostgreSQL answers. */
  isOld(): boolean;
  close(): void;
};

export const effectOf = (text: string): Effect => (text === 'allow' ? 'allow' : 'deny');

export function createBook(deps: { db: Db; bus: Bus; clock: Clock; log: Log }): Book {
  const { db, bus, clock, log } = deps;
  let loaded: Loaded | null = null;
  let seen: { at: Date; monotonicMs: number } | null = null;
  const began = clock.monotonicMs();
  let turns = 0;

  const read = async (): Promise<Loaded> => {
    // The version first: what changes between the two readings is read again.
    const settings = await db.prisma.policySettings.findUniqueOrThrow({
      where: { id: 1 },
      select: { version: true, defaultEffect: true },
    });
    const rows = await db.prisma.policyRule.findMany({
      where: { enabled: true },
      take: MAX_RULES,
      orderBy: { id: 'asc' },
      select: {
        id: true,
        name: true,
        description: true,
        subject: true,
        tool: true,
        scope: true,
        effect: true,
        conditions: true,
      },
    });
    const rules = rows.map(
      (row): Rule => ({
        ...row,
        effect: effectOf(row.effect),
        conditions: conditionsSchema.parse(row.conditions),
      }),
    );
    const defaultEffect = effectOf(settings.defaultEffect);
    return {
      policy: compile(rules, defaultEffect),
      rules,
      byId: new Map(rules.map((rule) => [rule.id, rule])),
      defaultEffect,
      version: settings.version,
    };
  };
  const load = async () => {
    const turn = ++turns;
    const found = await read();
    // A later one may have been answered before.
    if (turn !== turns) return;
    loaded = found;
    seen = { at: clock.now(), monotonicMs: clock.monotonicMs() };
  };
  const reload = () => load().catch((err) => log.warn({ err }, 'policies could not be read'));

  let looking = false;
  const look = async () => {
    if (looking) return;
    looking = true;
    try {
      const { rows } = await db.pool.query<{ version: string }>({
        name: 'policies-version',
        text: 'SELECT version::text FROM policy_settings WHERE id = 1',
      });
      if (rows[0] && loaded && BigInt(rows[0].version) === loaded.version)
        seen = { at: clock.now(), monotonicMs: clock.monotonicMs() };
      else await load();
    } catch (err) {
      log.debug({ err }, 'policies could not be compared with the stored ones');
    } finally {
      looking = false;
    }
  };
  const ready = reload();
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  timer.unref();
  const stop = bus.on('policies', () => void reload());

  return {
    current: () => loaded,
    reload: load,
    ready,
    seenAt: () => seen?.at ?? null,
    isOld: () =>
      db.status().up && clock.monotonicMs() - (seen?.monotonicMs ?? began) > OLD_AFTER_MS,
    close() {
      clearInterval(timer);
      stop();
    },
  };
}
