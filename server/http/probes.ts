/**
 * Probes. Liveness is about this process only, never a dependency, so that a database blip is no restart storm.
 * Readiness covers what a request needs and fails first on SIGTERM. Startup is done once readiness was.
 */
import { getHeapStatistics } from 'node:v8';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Runtime } from '../runtime.ts';

export type ProbeCheck = {
  name: string;
  status: 'ok' | 'failed';
  latencyMs: number | null;
  detail: string;
};
type Probe = () => Promise<ProbeCheck[]>;

const MEMORY_LIMIT = 0.9;
const LOOP_LIMIT_SECONDS = 1;

export function registerProbes(
  app: FastifyInstance,
  runtime: Runtime,
  state: { draining: () => boolean; started: () => boolean },
): void {
  const check = (name: string, ok: boolean, detail: string, latencyMs: number | null = null) => ({
    name,
    status: ok ? ('ok' as const) : ('failed' as const),
    latencyMs,
    detail,
  });
  const liveness: Probe = async () => [check('process', true, `pid ${process.pid}`)];
  const readiness: Probe = async () => {
    const database = await runtime.db.ping();
    const redis = runtime.store.status();
    const replicas = runtime.presence.count();
    const heap = process.memoryUsage().heapUsed / getHeapStatistics().heap_size_limit;
    const aside = runtime.lifecycle.aside();
    const tokens = runtime.tokens.ready();
    const delay = runtime.live.eventLoopP99Seconds();
    return [
      check(
        'shutdown',
        !state.draining(),
        state.draining() ? 'the process is stopping' : 'not asked to stop',
      ),
      check('aside', aside === null, aside ?? 'takes requests'),
      check('migrations', state.started(), state.started() ? 'applied' : 'not applied yet'),
      check('database', database.up, database.detail, database.latencyMs),
      check('revocations', tokens.loaded, tokens.detail),
      check(
        'redis',
        redis.state !== 'off' || replicas < 2,
        redis.state === 'off'
          ? replicas < 2
            ? 'not configured, state is kept in this process'
            : `${replicas} replicas need REDIS_URL`
          : redis.state === 'up'
            ? 'answers'
            : 'away; this replica works from its own memory',
        redis.latencyMs,
      ),
      check('eventLoop', delay < LOOP_LIMIT_SECONDS, `p99 delay ${(delay * 1000).toFixed(1)} ms`),
      check('memory', heap < MEMORY_LIMIT, `${(heap * 100).toFixed(1)} % of the heap limit`),
    ];
  };
  const startup: Probe = async () => [
    check('startup', state.started(), state.started() ? 'done' : 'still starting'),
  ];

  const answer = (probe: Probe) => async (request: FastifyRequest, reply: FastifyReply) => {
    const checks = await probe();
    const ok = checks.every((entry) => entry.status === 'ok');
    reply.code(ok ? 200 : 503).header('cache-control', 'no-store');
    if (/[?&]verbose(=|&|$)/.test(request.url)) {
      const lines = checks.map(
        ({ name, status, detail }) =>
          `[${status === 'ok' ? '+' : '-'}]${name} ${status}: ${detail}`,
      );
      return reply
        .type('text/plain; charset=utf-8')
        .send(`${lines.join('\n')}\n${ok ? 'check passed' : 'check failed'}\n`);
    }
    return reply.send({ status: ok ? 'ok' : 'failed', checks });
  };
  for (const path of ['/health/liveness', '/livez']) app.get(path, answer(liveness));
  for (const path of ['/health/readiness', '/readyz']) app.get(path, answer(readiness));
  app.get('/health/startup', answer(startup));
}
