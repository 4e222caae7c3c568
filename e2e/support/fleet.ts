/** The demo fleet inside the browser tests: the same services, supervisor and registration as `npm run demo`. */
import type { Page } from '@playwright/test';
import { type Fleet, startFleet } from '../../scripts/demo/fleet.ts';
import { createClient, register } from '../../scripts/demo/register.ts';
import { type Console, startConsole } from './console.ts';
import { admin, patient, signIn, test } from './test.ts';

export type TestFleet = Fleet & {
  /** What a console has to be started with to know the fleet. */
  env: Record<string, string>;
  /** Makes the console watch the fleet and waits until every target is known; answers target ids by name. */
  register(system: Console): Promise<Record<string, string>>;
  /** Puts a fault into a service, or takes it out. */
  setFault(service: string, fault: string): Promise<void>;
};

const KNOWN_WITHIN_MS = 30_000;

export async function startTestFleet(
  options: { brokenRestart?: readonly string[] } = {},
): Promise<TestFleet> {
  const fleet = await startFleet({ ...options, log: () => undefined, ports: 'free' });
  return {
    ...fleet,
    env: { WHEELHOUSE_FLEET_URL: fleet.url, WHEELHOUSE_FLEET_TOKEN: fleet.token },
    async register(system) {
      const made = await system.cli(
        'keys',
        'create',
        '--name',
        'fleet',
        '--role',
        'admin',
        '--json',
      );
      const { key }: { key: string } = JSON.parse(made);
      const ids = await register({ consoleUrl: system.url, key, fleet });
      const scoped = ['--role', 'operator', '--scopes', 'ingest', '--json'];
      const own = JSON.parse(await system.cli('keys', 'create', '--name', 'services', ...scoped));
      fleet.setConsole({ url: system.url, key: own.key });
      const client = createClient(system.url, key);
      const until = performance.now() + KNOWN_WITHIN_MS;
      for (;;) {
        const targets = await client.list<{ state: string }>('health.targets.list', {});
        if (targets.every(({ state }) => state !== 'unknown')) return ids;
        if (performance.now() > until) throw new Error('the fleet is still unknown to the console');
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    },
    async setFault(service, fault) {
      const answer = await fetch(`${fleet.url}/faults`, {
        method: 'POST',
        headers: { authorization: `Bearer ${fleet.token}` },
        body: JSON.stringify({ service, fault }),
      });
      if (!answer.ok) throw new Error(`${service} ${fault}: ${await answer.text()}`);
    },
  };
}

export type FleetPage = { fleet: TestFleet; system: Console; page: Page };

/** For a file of flows: a fleet, a console that watches it, and one page whose admin is signed in. */
export function fleetPage(): () => FleetPage {
  let made: Partial<FleetPage> = {};
  test.beforeAll(async ({ browser }) => {
    const fleet = await startTestFleet();
    made = { fleet };
    const system = await startConsole({
      env: {
        ...fleet.env,
        WHEELHOUSE_INIT_ADMIN_EMAIL: admin.email,
        WHEELHOUSE_INIT_ADMIN_PASSWORD: admin.password,
      },
    });
    made = { fleet, system };
    await fleet.register(system);
    const context = await browser.newContext({
      baseURL: system.url,
      viewport: { width: 1440, height: 900 },
    });
    const page = patient(await context.newPage());
    made = { fleet, system, page };
    await signIn(page);
  });
  test.afterAll(async () => {
    await made.page?.context().close();
    await made.system?.remove();
    await made.fleet?.close();
  });
  return () => {
    const { fleet, system, page } = made;
    if (!fleet || !system || !page) throw new Error('only within a test');
    return { fleet, system, page };
  };
}
