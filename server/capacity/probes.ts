/** What the console can measure by itself: its disk, heaps, connections and sizes of databases, Redis. */
import { statfs } from 'node:fs/promises';
import type { createMemory } from '../memory/index.ts';
import type { Log } from '../platform/log.ts';
import type { SharedStore } from '../platform/redis/index.ts';
import type { Queries } from '../queries/index.ts';
import type { Subject, Unit } from './contract.ts';

const MAX_OF_A_KIND = 100;

export type Reading = {
  key: string;
  name: string;
  subject: Exclude<Subject, { kind: 'saved' }>;
  unit: Unit;
  used: number;
  limit: number | null;
};
export type Probes = {
  /** Of this machine; each process has its own. */
  local(): Promise<Reading[]>;
  /** The same for every replica: read by one. */
  shared(signal: AbortSignal): Promise<Reading[]>;
};

export function createProbes(deps: {
  dataDir: string;
  host: string;
  store: Pick<SharedStore, 'client'>;
  memory: Pick<ReturnType<typeof createMemory>, 'status'>;
  queries: {
    connections: Queries['connections'];
    watching: { databases: Pick<Queries['watching']['databases'], 'list'> };
  };
  log: Log;
}): Probes {
  const { host, log, queries } = deps;
  /** What cannot be measured now is left out; the others go on. */
  const tried = async (what: string, work: () => Promise<Reading[]>): Promise<Reading[]> => {
    try {
      return await work();
    } catch (err) {
      log.debug({ err, what }, 'a resource could not be measured');
      return [];
    }
  };
  const heaps = async (): Promise<Reading[]> => {
    const { items } = await deps.memory.status({ limit: MAX_OF_A_KIND, cursor: null });
    return items
      .filter(({ present, limitBytes }) => present && limitBytes > 0)
      .map(({ name: process, instance, collectedBytes, heapBytes, limitBytes }) => ({
        key: `heap:${process}:${instance}`,
        name: `Heap of ${process} (${instance})`,
        subject: { kind: 'heap', process, instance },
        unit: 'bytes',
        used: collectedBytes ?? heapBytes,
        limit: limitBytes,
      }));
  };
  const databases = async (signal: AbortSignal): Promise<Reading[]> => {
    const { items } = await queries.watching.databases.list({ limit: MAX_OF_A_KIND });
    const found: Reading[] = [];
    for (const { id: databaseId, name, paused, sizeBytes } of items) {
      if (paused || signal.aborted) continue;
      if (sizeBytes !== null) {
        found.push({
          key: `database:${databaseId}`,
          name: `Size of ${name}`,
          subject: { kind: 'database', databaseId },
          unit: 'bytes',
          used: sizeBytes,
          limit: null,
        });
      }
      const connections = await tried(`connections of ${name}`, async () => {
        const { used, max } = await queries.connections(databaseId, signal);
        return [
          {
            key: `connections:${databaseId}`,
            name: `Connections of ${name}`,
            subject: { kind: 'connections', databaseId },
            unit: 'number',
            used,
            limit: max,
          },
        ];
      });
      found.push(...connections);
    }
    return found;
  };
  const redis = async (): Promise<Reading[]> => {
    const text = await deps.store.client()?.info('memory');
    const figure = (name: string) =>
      Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text ?? '')?.[1]);
    const [used, limit] = [figure('used_memory'), figure('maxmemory')];
    if (!(limit > 0) || !Number.isFinite(used)) return [];
    return [
      {
        key: 'redis',
        name: 'Memory of Redis',
        subject: { kind: 'redis' },
        unit: 'bytes',
        used,
        limit,
      },
    ];
  };
  return {
    local: () =>
      tried('disk', async () => {
        const disk = await statfs(deps.dataDir);
        const used = (disk.blocks - disk.bfree) * disk.bsize;
        // As df counts: what only root may use is no room.
        const limit = used + disk.bavail * disk.bsize;
        if (!(limit > 0)) return [];
        const name = `Disk of the data folder on ${host}`;
        return [
          {
            key: `disk:${host}`,
            name,
            subject: { kind: 'disk', host },
            unit: 'bytes',
            used,
            limit,
          },
        ];
      }),
    async shared(signal) {
      return [
        ...(await tried('heaps', heaps)),
        ...(await tried('databases', () => databases(signal))),
        ...(await tried('redis', redis)),
      ];
    },
  };
}
