/** One hostile text is put into everything that has a name; then every page is opened, and nothing of it may run. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from '@playwright/test';
import type { Console } from './support/console.ts';
import { admin, complaints, expect, patient, test } from './support/test.ts';

// Pages are opened faster than a person does it.
test.use({ consoleEnv: { WHEELHOUSE_LIMIT_SESSION: '600000' } });

const root = path.resolve(import.meta.dirname, '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
/** Ends an attribute and a tag, runs as an image and as a script, and is a template in other languages. */
const HOSTILE = `"><img src=x onerror="window.ran='image'"><script>window.ran='script'</script>{{7+7}}`;
const SHOWN = "window.ran='image'";
const SCRIPT_URL = `javascript:window.ran='link'//${HOSTILE}`;

/** Pages of the sidebar, and those of one thing. */
const hrefs = [
  ...new Set(
    [...read('components/shell/nav.ts').matchAll(/href: '([^']+)'/g)].map(([, href = '']) => href),
  ),
];
/** Every parameter that any page reads from its address. */
const parameters = [
  ...new Set(
    globSync('{app,components}/**/*.{ts,tsx}', { cwd: root })
      .map(read)
      .flatMap((text) => [
        ...[...text.matchAll(/useQueryState\(\s*'(\w+)'/g)].map(([, name = '']) => name),
        ...[...text.matchAll(/(\w+): parseAs/g)].map(([, name = '']) => name),
      ]),
  ),
];

type Planted = {
  target: string;
  incident: string;
  dashboard: string;
  key: string;
  breaker: string;
};

async function plant(system: Console): Promise<Planted> {
  const keyOf = async (...more: string[]): Promise<string> =>
    JSON.parse(await system.cli('keys', 'create', '--name', HOSTILE, ...more, '--json')).key;
  const [all, machine] = [
    await keyOf('--role', 'admin'),
    await keyOf('--role', 'admin', '--scopes', 'ingest,webhook'),
  ];
  const send = async (route: string, body: unknown, key: string) => {
    const answer = await fetch(system.url + route, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    expect([route, answer.status, answer.ok ? '' : text]).toEqual([route, answer.status, '']);
    return text === '' ? null : JSON.parse(text);
  };
  const call = async (name: string, body: unknown) =>
    (await send(`/api/trpc/${name}`, body, all)).result.data;
  const ask = async (name: string, input: unknown) => {
    const query = `?input=${encodeURIComponent(JSON.stringify(input))}`;
    const answer = await fetch(`${system.url}/api/trpc/${name}${query}`, {
      headers: { authorization: `Bearer ${all}` },
    });
    return (await answer.json()).result.data;
  };
  const now = Date.now();
  const iso = (ms: number) => new Date(now + ms).toISOString();
  const url = 'http://127.0.0.1:1/';

  const target = await call('health.targets.create', {
    name: HOSTILE,
    kind: 'http',
    url,
    tags: ['hostile'],
  });
  await call('notify.channels.create', {
    name: HOSTILE,
    kind: 'webhook',
    url: `${url}${encodeURIComponent(HOSTILE)}`,
  });
  await call('sources.create', { name: HOSTILE, kind: 'scrape', url, labels: { text: HOSTILE } });
  await call('breakers.upsert', { name: HOSTILE });
  await call('breakers.force', { name: HOSTILE, state: 'open', reason: HOSTILE });
  await call('health.maintenance.create', {
    name: HOSTILE,
    targetIds: [],
    startsAt: iso(3_600_000),
    endsAt: iso(7_200_000),
  });
  await call('limits.override', { name: 'system.info', perMinute: 60_000, reason: HOSTILE });
  await call('users.invite', { email: 'eve@example.com', name: HOSTILE, role: 'viewer' });
  await call('tokens.issue', { subject: HOSTILE, scopes: [], ttlSeconds: 600 });
  await call('tokens.revoke', { subject: HOSTILE, reason: HOSTILE });
  await call('policies.create', {
    name: HOSTILE,
    description: HOSTILE,
    subject: `agent:${HOSTILE}`,
    tool: HOSTILE,
    scope: HOSTILE,
    effect: 'deny',
  });
  await ask('policies.decide', { subject: `agent:${HOSTILE}`, tool: HOSTILE, scope: HOSTILE });
  await send(
    '/api/trpc/metrics.ingest',
    {
      samples: [0, 1, 2].map((n) => ({
        metric: 'hostile',
        value: n,
        at: iso(-60_000 * n),
        labels: { text: HOSTILE },
      })),
    },
    machine,
  );
  const query = { metric: 'hostile', timeRange: '1h', groupBy: ['text'], aggregations: ['avg'] };
  await call('metrics.saved.create', { name: HOSTILE, query });
  const panel = (visual: string, n: number) => ({
    id: visual,
    title: HOSTILE,
    x: 0,
    y: 4 * n,
    width: 6,
    height: 4,
    visual,
    query,
  });
  const dashboard = await call('dashboards.create', {
    name: HOSTILE,
    panels: ['line', 'table', 'stat', 'bar'].map(panel),
  });
  await send(
    '/api/webhooks/alertmanager',
    {
      version: '4',
      groupKey: HOSTILE,
      status: 'firing',
      receiver: HOSTILE,
      externalURL: url,
      groupLabels: {},
      commonLabels: {},
      commonAnnotations: {},
      alerts: [
        {
          status: 'firing',
          labels: { alertname: HOSTILE, severity: 'critical' },
          annotations: { summary: HOSTILE, description: HOSTILE, runbook_url: SCRIPT_URL },
          startsAt: iso(-60_000),
          endsAt: '0001-01-01T00:00:00Z',
          generatorURL: SCRIPT_URL,
          fingerprint: 'abc',
        },
      ],
    },
    machine,
  );
  const text = { stringValue: HOSTILE };
  await send(
    '/v1/traces',
    {
      resourceSpans: [
        {
          resource: { attributes: [{ key: 'service.name', value: text }] },
          scopeSpans: [
            {
              spans: [
                {
                  traceId: 'a'.repeat(32),
                  spanId: 'b'.repeat(16),
                  name: HOSTILE,
                  kind: 2,
                  startTimeUnixNano: String(now * 1e6),
                  endTimeUnixNano: String((now + 5) * 1e6),
                  status: { code: 2, message: HOSTILE },
                  attributes: [{ key: 'note', value: text }],
                },
              ],
            },
          ],
        },
      ],
    },
    machine,
  );
  await send(
    '/api/trpc/memory.report',
    {
      process: {
        name: 'hostile',
        instance: 'one',
        version: HOSTILE,
        node: HOSTILE,
        startedAt: iso(-60_000),
      },
      sentAt: iso(0),
      samples: [{ at: iso(0), usedBytes: 1_000 }],
      heapBytes: 1_000,
      limitBytes: 2_000,
      rssBytes: 3_000,
      freeBytes: 4_000,
    },
    machine,
  );
  const [incident] = (await ask('incidents.list', {})).items;
  await call('incidents.note', { id: incident.id, note: HOSTILE });
  const [key] = (await ask('keys.list', {})).items;
  await call('health.freeze', { frozen: true, reason: HOSTILE });
  return {
    target: target.id,
    incident: incident.id,
    dashboard: dashboard.id,
    key: key.id,
    breaker: HOSTILE,
  };
}

type Watched = {
  broken: string[];
  look(): Promise<{ ran: unknown; images: number; links: string[] }>;
};

/** Notes whatever runs or is refused by the policy on the pages of one tab. */
async function watch(page: Page): Promise<Watched> {
  const broken = complaints(page);
  page.on('dialog', (dialog) => {
    broken.push(`a dialog said ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.exposeFunction('noteViolation', (text: string) => void broken.push(text));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      Reflect.get(
        window,
        'noteViolation',
      )(`${event.violatedDirective} refused ${event.blockedURI} on ${location.pathname}`);
    });
  });
  const look = () =>
    page.evaluate(() => ({
      ran: Reflect.get(window, 'ran'),
      images: document.querySelectorAll('img[src="x"], script:not([src]):not([nonce])[data-ran]')
        .length,
      links: [...document.querySelectorAll('a[href], form[action], iframe[src]')]
        .map(
          (each) =>
            each.getAttribute('href') ??
            each.getAttribute('action') ??
            each.getAttribute('src') ??
            '',
        )
        .filter((href) => /^\s*(javascript|data|vbscript):/i.test(href)),
    }));
  return { broken, look };
}

const settled = async (page: Page) => {
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
};

test('a hostile name runs nowhere, in both themes, and no page breaks its own policy', async ({
  browser,
  console: system,
}) => {
  test.setTimeout(150_000);
  const planted = await plant(system);
  const context = await browser.newContext({ baseURL: system.url, userAgent: HOSTILE });
  const page = patient(await context.newPage());
  const { broken, look } = await watch(page);
  await page.goto('/sign-in');
  await page.getByLabel('E-mail').fill(admin.email);
  await page.getByLabel('Password', { exact: true }).fill(admin.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
  const renamed = await page.evaluate(async (name) => {
    const answer = await fetch('/api/trpc/users.rename', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name }),
    });
    return answer.status;
  }, HOSTILE);
  expect(renamed).toBe(200);

  const ids: Record<string, string> = {
    '/health/target': `id=${planted.target}`,
    '/incidents/detail': `id=${planted.incident}`,
    '/dashboards/view': `id=${planted.dashboard}`,
    '/keys/detail': `id=${planted.key}`,
    '/breakers/detail': `name=${encodeURIComponent(planted.breaker)}`,
    '/explore': `metric=hostile&by=text`,
  };
  const tabs: Record<string, string[]> = {
    '/channels': ['tab=deliveries'],
    '/policies': ['tab=matrix', 'tab=denials', 'tab=try'],
    '/tokens': ['tab=revocations'],
  };
  expect(hrefs.length).toBeGreaterThan(25);
  // Where what was planted must really be there to be drawn.
  const showing = new Set(
    `/health /incidents /dashboards /dashboards/view /maintenance /breakers /sources /keys /tokens /policies /users /channels
     /audit /health/target /incidents/detail /keys/detail /breakers/detail`.split(/\s+/),
  );
  expect([...showing].filter((href) => !hrefs.includes(href))).toEqual([]);
  for (const href of hrefs) {
    const places = [ids[href] ?? '', ...(tabs[href] ?? [])];
    for (const place of places) {
      const address = place ? `${href}?${place}` : href;
      await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
      await page.goto(address);
      await settled(page);
      if (showing.has(href) && place === (ids[href] ?? ''))
        await expect(page.locator('body')).toContainText(SHOWN);
      await page.emulateMedia({ colorScheme: 'dark' });
      const { ran, images, links } = await look();
      expect([address, ran, images, links]).toEqual([address, undefined, 0, []]);
    }
  }
  expect(broken).toEqual([]);

  // What opens from a row: sheets and menus draw names too.
  for (const [href, name] of [
    ['/channels', 'Channels'],
    ['/policies', 'Rules'],
    ['/sources', 'Sources'],
    ['/users', 'Users'],
  ] as const) {
    await page.goto(href);
    await settled(page);
    await page
      .getByRole('table', { name })
      .getByRole('row')
      .filter({ hasText: SHOWN })
      .first()
      .click();
    await expect(page.getByRole('dialog')).toBeVisible();
    const { ran, images, links } = await look();
    expect([href, ran, images, links]).toEqual([href, undefined, 0, []]);
  }
  expect(broken).toEqual([]);
  await context.close();
});

test('whatever stands in the address of a page is text', async ({
  signedIn: page,
  console: system,
}) => {
  test.setTimeout(120_000);
  const { broken, look } = await watch(page);
  expect(parameters.length).toBeGreaterThan(20);
  // Both texts in one.
  const query = new URLSearchParams(parameters.map((name) => [name, SCRIPT_URL]));
  for (const href of hrefs) {
    await page.goto(`${href}?${query}#${encodeURIComponent(SCRIPT_URL)}`);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    const { ran, images, links } = await look();
    expect([href, ran, images, links]).toEqual([href, undefined, 0, []]);
  }
  await page.goto(`/nowhere/${encodeURIComponent(HOSTILE)}`);
  expect(await look()).toMatchObject({ ran: undefined, images: 0, links: [] });
  await page.context().clearCookies();
  for (const address of [
    `/sign-in?error=${encodeURIComponent(HOSTILE)}&next=${encodeURIComponent(SCRIPT_URL)}`,
    `/setup?token=${encodeURIComponent(HOSTILE)}`,
    `/invite?token=${encodeURIComponent(HOSTILE)}`,
  ]) {
    await page.goto(address);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    expect([address, await look()]).toEqual([
      address,
      expect.objectContaining({ ran: undefined, images: 0, links: [] }),
    ]);
  }
  // Signing in does not go where the address says.
  await page.goto(`/sign-in?next=${encodeURIComponent(SCRIPT_URL)}`);
  await page.getByLabel('E-mail').fill(admin.email);
  await page.getByLabel('Password', { exact: true }).fill(admin.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
  expect(new URL(page.url()).origin).toBe(system.url);
  expect((await look()).ran).toBeUndefined();
  expect(broken.filter((text) => !text.includes('404'))).toEqual([]);
});

test('a script as an address is refused where addresses are entered', async ({
  console: system,
}) => {
  const { key } = JSON.parse(
    await system.cli('keys', 'create', '--name', 'urls', '--role', 'admin', '--json'),
  );
  for (const url of [
    'javascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:x',
    'file:///etc/passwd',
    ' javascript:alert(1)',
    'java\tscript:alert(1)',
  ]) {
    for (const [name, body] of [
      ['health.targets.create', { name: 'x', kind: 'http', url }],
      [
        'health.targets.create',
        { name: 'x', kind: 'http', url: 'http://127.0.0.1:1', remedy: { kind: 'webhook', url } },
      ],
      ['notify.channels.create', { name: 'x', kind: 'webhook', url }],
      ['notify.channels.create', { name: 'x', kind: 'slack', url }],
      ['sources.create', { name: 'x', kind: 'scrape', url }],
      ['sources.create', { name: 'x', kind: 'prometheus', url }],
    ] as const) {
      const answer = await fetch(`${system.url}/api/trpc/${name}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      expect([name, url, answer.status]).toEqual([name, url, 400]);
    }
  }
});
