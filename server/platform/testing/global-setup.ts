/** One PostgreSQL and one Redis for the whole run; each suite gets a database of its own from a migrated template. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { TestProject } from 'vitest/node';
import { startRedis } from './redis.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string;
    redisUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  project.provide('postgresUrl', postgres.url);
  project.provide('redisUrl', redis.url);
  return async () => {
    await redis.stop();
    await postgres.stop();
  };
}

async function startPostgres(): Promise<{ url: string; stop(): Promise<void> }> {
  const node = path.resolve(import.meta.dirname, '../../../node_modules/.bin/node');
  const child = spawn(node, [path.join(import.meta.dirname, 'postgres-host.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Its own group: a Ctrl-C reaches the tests first; their end closes its standard input.
    detached: true,
  });
  const url = await Promise.race([
    once(createInterface(child.stdout), 'line').then(([line]) => String(line)),
    once(child, 'exit').then(() => undefined),
  ]);
  if (url === undefined) throw new Error('The PostgreSQL server of the tests did not start.');
  return {
    url,
    async stop() {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    },
  };
}
