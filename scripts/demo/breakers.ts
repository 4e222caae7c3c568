/** Breakers around a service's calls to its peers, shared through the console that the supervisor names. */
import { type BreakerClient, createBreakerClient, type Guard } from '../../server/client/index.ts';
import type { ServiceName } from './catalog.ts';

/** A demo cannot wait minutes: it opens within seconds and tries again soon. */
const POLICY = { windowMs: 10_000, minimumCalls: 5, openMs: 5_000 };

/** Runs a call to a peer through the peer's breaker; as it is while no console is known. */
export type CallPeer = <T>(peer: string, call: () => Promise<T>) => Promise<T>;

export function createCallGuards(service: ServiceName): {
  call: CallPeer;
  connect(access: unknown): void;
} {
  let client: BreakerClient | null = null;
  let guards = new Map<string, Guard>();
  return {
    call(peer, run) {
      if (!client) return run();
      const guard = guards.get(peer) ?? client.guard(peer, { policy: POLICY });
      guards.set(peer, guard);
      return guard.run(run);
    },
    connect(access) {
      const { url, key } = Object(access);
      if (typeof url !== 'string' || typeof key !== 'string') return;
      client?.close().catch(() => undefined);
      client = createBreakerClient({ url, key, name: service });
      guards = new Map();
    },
  };
}
