/**
 * Makes a console watch the fleet: targets by name, remedies that call the supervisor, and a channel that posts to its
 * receiver. Done again it changes what has changed (ports, secrets) and adds nothing twice.
 */
import type { ServiceView } from './catalog.ts';
import type { Fleet } from './fleet.ts';

const CALL_TIMEOUT_MS = 15_000;
/** Who asks too much is told when to come back. */
const ATTEMPTS = 10;
const TAG = 'demo';
const CHANNEL = 'demo receiver';

export type RegisterOptions = {
  /** Origin of the console. */
  consoleUrl: string;
  /** A key with the role admin. */
  key: string;
  fleet: Pick<Fleet, 'url' | 'secret' | 'services' | 'setHeartbeat'>;
  /** The console's own database, to watch it too. */
  databaseUrl?: string;
};
type TargetInput = { name: string; kind: string; [field: string]: unknown };
type Known = { id: string; kind: string };

/** Answers the ids of the targets by name. */
export async function register(options: RegisterOptions): Promise<Record<string, string>> {
  const { consoleUrl, fleet, databaseUrl } = options;
  const client = createClient(consoleUrl, options.key);
  const known = await knownTargets(client);
  const ids: Record<string, string> = {};
  const ensure = async (input: TargetInput): Promise<{ heartbeatUrl?: string }> => {
    const { kind, ...fields } = { ...input, tags: [TAG] };
    const before = known.get(input.name);
    if (before && before.kind !== kind) {
      throw new Error(`The target ${input.name} is of kind ${before.kind}, not ${kind}.`);
    }
    if (before) {
      ids[input.name] = before.id;
      await client.mutate('health.targets.update', { id: before.id, ...fields });
      return {};
    }
    const made = await client.mutate<{ id: string; heartbeatUrl?: string }>(
      'health.targets.create',
      { kind, ...fields },
    );
    ids[input.name] = made.id;
    return made;
  };

  for (const service of parentsFirst(fleet.services())) await ensure(targetOf(service, fleet, ids));
  const cache = fleet.services().find(({ name }) => name === 'cache');
  if (cache) {
    const url = `tcp://${new URL(cache.url).host}`;
    await ensure({ ...timing, name: 'cache port', kind: 'tcp', url, dependsOn: [ids.cache] });
  }
  const { heartbeatUrl } = await ensure({
    ...timing,
    name: 'worker heartbeat',
    kind: 'heartbeat',
    intervalSeconds: 10,
    dependsOn: [ids.worker],
  });
  // An address that was made earlier is not shown again.
  const path =
    heartbeatUrl ??
    (
      await client.mutate<{ heartbeatUrl: string }>('health.targets.renewHeartbeat', {
        id: ids['worker heartbeat'],
      })
    ).heartbeatUrl;
  fleet.setHeartbeat(new URL(path, consoleUrl).href);
  if (databaseUrl) {
    await ensure({ ...timing, name: 'console database', kind: 'postgres', url: databaseUrl });
  }
  await ensureChannel(client, fleet);
  return ids;
}

const timing = { intervalSeconds: 5, timeoutMs: 2_000 };

function targetOf(
  service: ServiceView,
  fleet: RegisterOptions['fleet'],
  ids: Readonly<Record<string, string>>,
): TargetInput {
  const { name, kind, healthUrl, dependsOn } = service;
  return {
    ...timing,
    name,
    kind,
    url: healthUrl,
    ...(kind === 'http' ? { expect: { status: 200, bodyIncludes: '"status":"ok"' } } : {}),
    dependsOn: dependsOn.map((parent) => ids[parent]),
    remedy: { kind: 'webhook', url: `${fleet.url}/restart/${name}`, secret: fleet.secret },
    remedyMode: 'automatic',
  };
}

function parentsFirst(services: readonly ServiceView[]): ServiceView[] {
  const sorted: ServiceView[] = [];
  const add = (service: ServiceView) => {
    if (sorted.includes(service)) return;
    for (const parent of services) if (service.dependsOn.includes(parent.name)) add(parent);
    sorted.push(service);
  };
  services.forEach(add);
  return sorted;
}

/** The demo's own targets; somebody else's target of the same name is not ours to change. */
async function knownTargets(client: Client): Promise<Map<string, Known>> {
  type Item = { id: string; name: string; kind: string };
  const found = await client.list<Item>('health.targets.list', { tag: TAG });
  return new Map(found.map(({ id, name, kind }) => [name, { id, kind }]));
}

async function ensureChannel(client: Client, fleet: RegisterOptions['fleet']): Promise<void> {
  type Item = { id: string; name: string };
  const settings = { url: `${fleet.url}/receiver`, secret: fleet.secret };
  const before = (await client.list<Item>('notify.channels.list', {})).find(
    ({ name }) => name === CHANNEL,
  );
  if (before) await client.mutate('notify.channels.update', { id: before.id, ...settings });
  else {
    await client.mutate('notify.channels.create', { name: CHANNEL, kind: 'webhook', ...settings });
  }
}

type Client = ReturnType<typeof createClient>;

/** tRPC over HTTP as a script would call it. */
export function createClient(consoleUrl: string, key: string) {
  const ask = async <T>(
    procedure: string,
    query: string,
    init: RequestInit,
    attempt = 1,
  ): Promise<T> => {
    const answer = await fetch(`${consoleUrl}/api/trpc/${procedure}${query}`, {
      ...init,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    if (answer.status === 429 && attempt < ATTEMPTS) {
      const seconds = Number(answer.headers.get('retry-after') ?? 1);
      await new Promise((resolve) => setTimeout(resolve, Math.min(60, seconds) * 1000));
      return ask(procedure, query, init, attempt + 1);
    }
    const body: unknown = await answer.json().catch(() => null);
    const { result, error } = Object(body);
    if (answer.ok && result) return result.data;
    throw new Error(`${procedure}: ${error?.message ?? `status ${answer.status}`}`);
  };
  const query = <T>(procedure: string, input: unknown = {}): Promise<T> =>
    ask(procedure, `?input=${encodeURIComponent(JSON.stringify(input))}`, {});
  return {
    query,
    mutate: <T>(procedure: string, input: unknown): Promise<T> =>
      ask(procedure, '', { method: 'POST', body: JSON.stringify(input) }),
    /** Every page of a list. */
    async list<T>(procedure: string, filter: object): Promise<T[]> {
      type Page = { items: T[]; nextCursor: string | null };
      const items: T[] = [];
      let cursor: string | null = null;
      do {
        const page: Page = await query<Page>(procedure, { ...filter, limit: 200, cursor });
        items.push(...page.items);
        cursor = page.nextCursor;
      } while (cursor !== null);
      return items;
    },
  };
}
