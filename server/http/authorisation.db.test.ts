/**
 * Who may do what: a row for every procedure and every route, written by hand and tried with every kind of caller. What is asked
 * is only whether a caller is refused (401, 403); input is senseless on purpose, so that little happens. A procedure or route
 * without a row, and a row without one, fail.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Role, roles } from '../api/contract.ts';
import { procedureInfo } from '../api/procedures.ts';
import { publicProcedures } from '../api/trpc.ts';
import { newId } from '../platform/ids.ts';
import { bearer, testAuthority, testHost } from '../platform/testing/host.ts';
import { issueSchema } from '../tokens/contract.ts';

type Needed = 'anybody' | 'credentials' | Role | 'ingest' | 'webhook' | 'metrics:read' | 'stream';
const words = (text: string) => text.trim().split(/\s+/);

const procedureRows: Record<'anybody' | Role | 'ingest', string[]> = {
  anybody: words(`
    users.signInOptions users.setupState users.setup users.inviteState users.acceptInvite`),
  viewer: words(`
    system.info system.overview
    users.me users.rename users.changePassword
    sessions.list sessions.revoke sessions.revokeOthers
    limits.status limits.list limits.top
    cache.status cache.top cache.warmup
    breakers.list breakers.counts breakers.get breakers.events breakers.backtest
    health.report health.counts health.targets.list health.targets.byIds health.targets.trends health.targets.tags health.targets.get health.targets.history health.targets.checks health.targets.healing health.remedies.list health.remedies.commands health.control health.maintenance.list
    incidents.list incidents.get incidents.figures
    notify.channels.list notify.deliveries
    gamedays.services gamedays.list
    dashboards.list dashboards.get
    memory.status memory.history memory.findings memory.finding memory.examinations
    metrics.query metrics.explain metrics.samples metrics.catalog metrics.describe metrics.labelValues metrics.status metrics.templates metrics.saved.list
    telemetry.events
    queries.databases.list queries.databases.get queries.databases.relations queries.slow queries.statement queries.slowLog queries.slowCall
    queries.advice.list queries.advice.get queries.advice.summary
    sources.list sources.metrics
    models.list models.get models.performance
    drift.compare
    drift.references.list drift.references.get drift.uploads.list drift.uploads.get drift.monitors.list drift.monitors.get drift.runs drift.run drift.heatmap
    forecasts.compute forecasts.list forecasts.counts forecasts.get
    capacity.list capacity.counts capacity.get capacity.scaling.get capacity.scaling.manifests
    tokens.check
    policies.decide`),
  operator: words(`
    keys.verify
    limits.override limits.remove
    cache.evict
    breakers.upsert breakers.remove breakers.permit breakers.record breakers.force breakers.trip breakers.reset breakers.sync breakers.act
    health.targets.create health.targets.update health.targets.remove health.targets.removeMany health.targets.pause health.targets.renewHeartbeat health.targets.reinstate health.targets.check health.targets.probe health.remedies.run health.remedies.approve health.remedies.reject health.remedies.stop health.freeze health.maintenance.create health.maintenance.cancel
    incidents.acknowledge incidents.resolve incidents.note
    notify.resend notify.cancel
    gamedays.run gamedays.cancel
    dashboards.create dashboards.update dashboards.remove
    memory.profile
    metrics.setRetention metrics.saved.create metrics.saved.update metrics.saved.remove
    sources.create sources.update sources.remove sources.test
    models.create models.update models.remove
    drift.references.create drift.references.remove drift.uploads.create drift.uploads.preview drift.uploads.confirm drift.uploads.cancel
    drift.monitors.create drift.monitors.update drift.monitors.remove drift.monitors.pause drift.monitors.run
    forecasts.create forecasts.update forecasts.remove forecasts.refresh forecasts.setBuiltIn
    capacity.create capacity.update capacity.remove
    queries.databases.test queries.databases.refresh queries.advise
    queries.explain queries.advice.refresh queries.advice.approve queries.advice.cancel queries.advice.markApplied queries.advice.decide queries.advice.dismiss queries.advice.reopen`),
  admin: words(`
    system.settings system.security
    users.list users.invite users.reinvite users.removeInvite users.setRole users.setDisabled
    audit.list audit.actions audit.verify
    keys.create keys.list keys.get keys.figures keys.procedures keys.update keys.rotate keys.revoke keys.rehearse keys.endWhenQuiet keys.usage
    notify.channels.create notify.channels.update notify.channels.remove notify.channels.test
    memory.snapshot memory.restart
    queries.databases.create queries.databases.update queries.databases.remove queries.databases.try
    tokens.issue tokens.revoke tokens.list tokens.revocations tokens.keys tokens.rotateKey
    policies.status policies.list policies.create policies.update policies.remove policies.setDefault policies.matrix policies.preview policies.denials`),
  ingest: words(`
    memory.report
    metrics.ingest
    models.predictions models.labels
    telemetry.ingest`),
};

const routeRows: Record<string, Needed> = {
  'OPTIONS *': 'anybody',
  'GET /health/liveness': 'anybody',
  'HEAD /health/liveness': 'anybody',
  'GET /livez': 'anybody',
  'HEAD /livez': 'anybody',
  'GET /health/readiness': 'anybody',
  'HEAD /health/readiness': 'anybody',
  'GET /readyz': 'anybody',
  'HEAD /readyz': 'anybody',
  'GET /health/startup': 'anybody',
  'HEAD /health/startup': 'anybody',
  // Asked for as from another machine.
  'GET /metrics': 'metrics:read',
  'HEAD /metrics': 'metrics:read',
  // Public keys.
  'GET /.well-known/jwks.json': 'anybody',
  'HEAD /.well-known/jwks.json': 'anybody',
  'GET /api/stream': 'stream',
  // The token in the path is the credential; one that nobody made is a 404.
  'GET /api/heartbeat/:token': 'anybody',
  'POST /api/heartbeat/:token': 'anybody',
  'HEAD /api/heartbeat/:token': 'anybody',
  'GET /api/heartbeat/:token/fail': 'anybody',
  'POST /api/heartbeat/:token/fail': 'anybody',
  'HEAD /api/heartbeat/:token/fail': 'anybody',
  'POST /api/webhooks/alertmanager': 'webhook',
  'POST /v1/metrics': 'ingest',
  'POST /v1/traces': 'ingest',
  'POST /v1/logs': 'ingest',
  'POST /api/v1/write': 'ingest',
  // Each procedure has a row of its own above; here one that every role may call.
  'GET /api/trpc/*': 'viewer',
  // Runs no procedure.
  'HEAD /api/trpc/*': 'credentials',
  'POST /api/trpc/*': 'viewer',
  'POST /api/trpc/metrics.ingest': 'ingest',
  'POST /api/trpc/models.predictions': 'ingest',
  'POST /api/trpc/models.labels': 'ingest',
  'POST /api/trpc/drift.references.create': 'operator',
  'POST /api/drift/uploads/:id': 'operator',
  ...Object.fromEntries(
    [
      '/apis',
      '/apis/external.metrics.k8s.io',
      '/apis/external.metrics.k8s.io/v1beta1',
      '/apis/external.metrics.k8s.io/v1beta1/namespaces/:namespace/:metric',
    ].flatMap((url) => [`GET ${url}`, `HEAD ${url}`].map((route) => [route, 'viewer'] as const)),
  ),
  // Files that hold nothing of anybody, and signing in.
  'HEAD /_next/static/*': 'anybody',
  'GET /_next/static/*': 'anybody',
  ...Object.fromEntries(
    [
      'theme.js',
      'sw.js',
      'screenshot.png',
      'robots.txt',
      'manifest.webmanifest',
      'icon.svg',
      'auth.js',
    ]
      .flatMap((file) => [`HEAD /${file}`, `GET /${file}`])
      .map((route) => [route, 'anybody'] as const),
  ),
  'GET /api/auth/*': 'anybody',
  'HEAD /api/auth/*': 'anybody',
  'POST /api/auth/*': 'anybody',
};

const system = await testHost();
const { call, runtime, host } = system;
const procedures = procedureInfo(runtime.router);

type Caller = {
  headers: Record<string, string>;
  /** Null for those who come without good credentials. */
  role: Role | null;
  /** For those with credentials: a capability, and which procedures the scopes leave. */
  capability?: string;
  scoped?: (procedure: string) => boolean;
};
const person = async (role: Role): Promise<Caller> => {
  const now = new Date();
  const id = newId(now);
  await runtime.db.prisma.user.create({
    data: { id, email: `${role}@example.com`, name: role, role, createdAt: now },
  });
  const sid = await runtime.db.tx((tx) =>
    runtime.sessions.open(tx, { userId: id, method: 'password', address: '::1', userAgent: 'x' }),
  );
  const cookie = await system.cookie({ uid: id, sid });
  return { headers: { cookie, origin: system.url }, role };
};
const byKey = async (role: Role, scopes: string[], more: Partial<Caller> = {}): Promise<Caller> => {
  const { key } = await runtime.keys.create(testAuthority, { name: 'row', role, scopes });
  return { headers: bearer(key), role, ...more };
};
const issue = (role: Role, scopes: string[]) => {
  const input = issueSchema.parse({ subject: 'row', role, scopes, ttlSeconds: 3_600 });
  return runtime.tokens.issue(testAuthority, null, input);
};
const byToken = async (
  role: Role,
  scopes: string[],
  more: Partial<Caller> = {},
): Promise<Caller> => ({
  headers: bearer((await issue(role, scopes)).token),
  role,
  ...more,
});
const revoked = async (): Promise<Caller> => {
  const { token, jti } = await issue('admin', []);
  await runtime.tokens.revoke(testAuthority, { jti, reason: 'row' });
  return { headers: bearer(token), role: null };
};
const modules = [...new Set([...procedures.keys()].map((name) => name.split('.')[0] ?? ''))];
const ofModule = new Map(
  await Promise.all(
    modules.map(async (name) => [name, await byKey('admin', [`${name}.*`])] as const),
  ),
);
/** Those who are the same for every row. */
const callers: Record<string, Caller> = {
  // From our own page, as a stranger's is refused for that alone.
  nobody: { headers: { origin: system.url }, role: null },
  'a wrong key': { headers: bearer('wh_nonsense'), role: null },
  'a revoked token': await revoked(),
  viewer: await person('viewer'),
  operator: await person('operator'),
  admin: await person('admin'),
  'viewer key': await byKey('viewer', []),
  'operator key': await byKey('operator', []),
  'admin key': await byKey('admin', []),
  'viewer key for ingest': await byKey('viewer', ['ingest'], { capability: 'ingest' }),
  'admin key for webhooks': await byKey('admin', ['webhook'], { capability: 'webhook' }),
  'viewer key for metrics': await byKey('viewer', ['metrics:read'], { capability: 'metrics:read' }),
  'admin key for one other procedure': await byKey('admin', ['system.info'], {
    scoped: (name) => name === 'system.info',
  }),
  'viewer key for streams alone': await byKey('viewer', ['stream.read'], {
    scoped: (name) => name === 'stream.read',
  }),
  'admin token': await byToken('admin', []),
  'viewer token': await byToken('viewer', []),
  'token for ingest': await byToken('viewer', ['ingest'], { capability: 'ingest' }),
  'token for webhooks': await byToken('viewer', ['webhook'], { capability: 'webhook' }),
  'token for metrics': await byToken('viewer', ['metrics:read'], { capability: 'metrics:read' }),
  'admin token for one other procedure': await byToken('admin', ['users.me'], {
    scoped: (name) => name === 'users.me',
  }),
};

/** What ought to come of it. */
function verdict(caller: Caller, needed: Needed, tool: string): 'open' | 'refused' {
  if (needed === 'anybody') return 'open';
  if (caller.role === null) return 'refused';
  if (needed === 'credentials') return 'open';
  if (needed === 'stream') return (caller.scoped?.('stream.read') ?? true) ? 'open' : 'refused';
  const role = roles.find((each) => each === needed);
  if (role === undefined) return caller.capability === needed ? 'open' : 'refused';
  if (roles.indexOf(caller.role) < roles.indexOf(role)) return 'refused';
  return (caller.scoped?.(tool) ?? true) ? 'open' : 'refused';
}
const outcome = (status: number) => (status === 401 || status === 403 ? 'refused' : 'open');
const senseless = { 'no such field': true };

const ask = async (name: string, caller: Caller): Promise<number> => {
  const { kind } = procedures.get(name) ?? { kind: 'query' };
  const url = `/api/trpc/${name}`;
  const answer =
    kind === 'query'
      ? await call(`${url}?input=${encodeURIComponent(JSON.stringify(senseless))}`, caller)
      : await call(url, {
          method: 'POST',
          headers: { ...caller.headers, 'content-type': 'application/json' },
          body: JSON.stringify(senseless),
        });
  await answer.arrayBuffer();
  return answer.status;
};

describe('procedures', () => {
  const rows = Object.entries(procedureRows).flatMap(([needed, names]) =>
    // Its keys are what they are declared to be.
    names.map((name) => [name, needed as Needed] as const),
  );
  test('each has one row, and each row a procedure', () => {
    expect(rows.map(([name]) => name).sort()).toEqual([...procedures.keys()].sort());
    expect([...publicProcedures].sort()).toEqual([...procedureRows.anybody].sort());
  });
  test.each(rows)('%s: %s', async (name, needed) => {
    const exact = await byToken('admin', needed === 'anybody' ? [] : [name]);
    const all: [string, Caller][] = [
      ...Object.entries(callers),
      ['admin key for its module', ofModule.get(name.split('.')[0] ?? '') ?? callers.nobody],
      ['admin token for it alone', exact],
    ].filter((entry): entry is [string, Caller] => entry[1] !== undefined);
    const found = await Promise.all(
      all.map(async ([who, caller]) => [who, outcome(await ask(name, caller))]),
    );
    expect(found).toEqual(all.map(([who, caller]) => [who, verdict(caller, needed, name)]));
  });
});

describe('routes', () => {
  const listed = [...new Set(host.routes.map(({ method, url }) => `${method} ${url}`))];
  test('each has one row, and each row a route', () => {
    expect(listed.sort()).toEqual(Object.keys(routeRows).sort());
  });
  /** Routes beside tRPC that are part of a procedure. */
  const toolOf = (url: string): string => {
    if (url === '/api/drift/uploads/:id') return 'drift.uploads.create';
    if (url.startsWith('/apis')) return 'capacity.scaling.get';
    return url === '/api/trpc/*' ? 'system.info' : url.slice('/api/trpc/'.length);
  };
  const pathOf = (url: string): string => {
    if (url === '*') return '/livez';
    if (url === '/api/trpc/*') return '/api/trpc/system.info';
    if (url === '/api/auth/*') return '/api/auth/csrf';
    return url.replace(':token', 'nobody').replace('*', 'nothing.js');
  };
  test.each(Object.entries(routeRows))('%s: %s', async (route, needed) => {
    const [method = '', url = ''] = route.split(' ');
    const tool = toolOf(url);
    const found = await Promise.all(
      Object.entries(callers).map(async ([who, caller]) => {
        const left = new AbortController();
        const answer = await call(pathOf(url), {
          method,
          signal: left.signal,
          headers: {
            ...caller.headers,
            // As through a proxy, where being on this machine opens nothing.
            'x-forwarded-for': '203.0.113.9',
            ...(method === 'POST'
              ? { 'content-type': 'application/json', origin: system.url }
              : {}),
          },
          ...(method === 'POST' ? { body: '{}' } : {}),
        });
        left.abort();
        return [who, outcome(answer.status)];
      }),
    );
    expect(found).toEqual(
      Object.entries(callers).map(([who, caller]) => [who, verdict(caller, needed, tool)]),
    );
  });
});

describe('pages', () => {
  const folder = path.resolve(import.meta.dirname, '../../app/(console)');
  const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => path.basename(file) === 'page.tsx')
    .map((file) => `/${path.dirname(file)}`.replace(/\/\.$/, '/'));
  test('there are some', () => expect(pages.length).toBeGreaterThan(15));
  test.each(pages)('%s: who signed in, or sends good credentials', async (page) => {
    for (const [who, caller] of Object.entries(callers)) {
      const answer = await call(page, caller);
      await answer.arrayBuffer();
      const sentAway = answer.headers.get('location')?.startsWith('/sign-in') ?? false;
      expect([who, answer.status, sentAway]).toEqual(
        caller.role === null ? [who, 302, true] : [who, 200, false],
      );
    }
  });
});

test('who asked for all this is still who they were', async () => {
  for (const [who, caller] of Object.entries(callers)) {
    if (caller.role === null) continue;
    const allowed = caller.scoped === undefined || caller.scoped('users.me');
    expect([who, await ask('users.me', caller)]).toEqual([who, allowed ? 200 : 403]);
  }
});
