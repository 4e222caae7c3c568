/**
 * The one explicit list of modules. Construction order is dependency order; nothing is wired later. A module
 * adds its service, its router and its jobs here, and nowhere else.
 */
import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import { createAlerts } from './alerts/index.ts';
import { procedureInfo } from './api/procedures.ts';
import { router } from './api/trpc.ts';
import { auditJobs, auditRouter, createAuditReader } from './audit/index.ts';
import {
  breakersJobs,
  breakersRouter,
  createBreakers,
  guardedHttp,
  outcomeOf,
} from './breakers/index.ts';
import { cacheJobs, cacheRouter, createCache, createWarmer } from './cache/index.ts';
import { capacityJobs, capacityRouter, createCapacity } from './capacity/index.ts';
import { createDashboards, dashboardsRouter } from './dashboards/index.ts';
import { createComparer, createDrift, type Drift, driftJobs, driftRouter } from './drift/index.ts';
import {
  createForecaster,
  createForecasts,
  type ForecastKeeper,
  forecastsJobs,
  forecastsRouter,
} from './forecasts/index.ts';
import { createGameDays, gamedaysRouter } from './gamedays/index.ts';
import { createHealth, healthJobs, healthRouter } from './health/index.ts';
import { sessionCookieName } from './http/identity.ts';
import { contentSecurityPolicy, HSTS } from './http/security.ts';
import { createIncidents, incidentsRouter } from './incidents/index.ts';
import { createKeys, keysJobs, keysRouter } from './keys/index.ts';
import { createLimits, limitsRouter } from './limits/index.ts';
import { createMemory, memoryJobs, memoryPolicy, memoryRouter } from './memory/index.ts';
import { createMetricStore, metricsJobs, metricsRouter } from './metrics/index.ts';
import { createModels, modelsJobs, modelsRouter } from './models/index.ts';
import { createNotify, notifyJobs, notifyRouter } from './notify/index.ts';
import { newId } from './platform/ids.ts';
import type { JobDefinition } from './platform/jobs.ts';
import { createPolicies, policiesJobs, policiesRouter } from './policies/index.ts';
import { createQueries, type Queries, queriesJobs, queriesRouter } from './queries/index.ts';
import type { Platform } from './runtime.ts';
import { createSessions, sessionsJobs, sessionsRouter } from './sessions/index.ts';
import { createAsk, createSources, sourcesRouter } from './sources/index.ts';
import {
  components,
  createLive,
  createSecurity,
  createSystem,
  type Security,
  systemRouter,
} from './system/index.ts';
import { createTelemetry, telemetryJobs, telemetryRouter } from './telemetry/index.ts';
import { createRevocations, createTokens, tokensJobs, tokensRouter } from './tokens/index.ts';
import {
  accountPolicy,
  createPasswords,
  createSignIn,
  createUsers,
  usersJobs,
  usersRouter,
} from './users/index.ts';

export type Modules = ReturnType<typeof createModules>;

export function createModules(platform: Platform) {
  const { config, clock } = platform;
  const auditReader = createAuditReader({ ...platform, dataDir: config.dataDir });
  const revocations = createRevocations(platform);
  const sessions = createSessions({
    ...platform,
    revocations,
    maxAgeSeconds: config.WHEELHOUSE_SESSION_DAYS * 86_400,
  });
  const passwords = createPasswords();
  const users = createUsers({ ...platform, passwords, sessions, revocations });
  const signIn = createSignIn({
    ...platform,
    passwords,
    sessions,
    oidcDefaultRole: config.WHEELHOUSE_OIDC_DEFAULT_ROLE,
  });
  const tokens = createTokens({
    ...platform,
    revocations,
    // Replicas have one address for people, or none that they share.
    issuer: config.WHEELHOUSE_PUBLIC_URL ?? 'wheelhouse',
    procedures: () => procedureNames,
  });
  platform.metrics.gauge(
    'revocations',
    'Revocations that this process knows.',
    () => revocations.figures().count,
  );
  platform.metrics.gauge(
    'revocations_known',
    '1 while this process knows what was revoked; tokens are not accepted otherwise.',
    () => (revocations.known() ? 1 : 0),
  );
  const limits = createLimits({
    ...platform,
    configured: {
      perMinute: {
        address: config.WHEELHOUSE_LIMIT_ADDRESS,
        key: config.WHEELHOUSE_LIMIT_KEY,
        session: config.WHEELHOUSE_LIMIT_SESSION,
        overall: config.WHEELHOUSE_LIMIT_OVERALL,
        ingest: config.WHEELHOUSE_LIMIT_INGEST,
      },
      set: new Set(
        (['address', 'key', 'session', 'overall', 'ingest'] as const).filter(
          (name) =>
            config.sources[`WHEELHOUSE_LIMIT_${name.toUpperCase() as Uppercase<typeof name>}`] !==
            'default',
        ),
      ),
    },
    replicas: platform.presence.count,
    procedures: () => procedureNames,
  });
  const cache = createCache({
    ...platform,
    random: () => (randomInt(1_000_000) + 1) / 1e6,
    replicas: platform.presence.count,
  });
  const taken = platform.metrics.counter(
    'metric_samples_total',
    'Samples that came in, by way and outcome.',
    ['way', 'outcome'],
  );
  /** Calls of the console through breakers, one for each origin. */
  const outgoing = (purpose: string, description: string, retry = false) =>
    guardedHttp(
      platform.http,
      { guard: (...given) => breakers.guard(...given) },
      { purpose, description, retry, random: () => randomInt(1_000_000) / 1e6, now: clock.now },
    );
  const metricStore = createMetricStore({
    ...platform,
    cache,
    seriesPerMetricMax: config.WHEELHOUSE_METRIC_SERIES_MAX,
    seriesMax: config.WHEELHOUSE_SERIES_MAX,
    own: { registry: platform.metrics.registry, port: config.PORT },
    onTaken(way, accepted, rejected) {
      if (accepted > 0) taken.inc({ way, outcome: 'accepted' }, accepted);
      if (rejected > 0) taken.inc({ way, outcome: 'rejected' }, rejected);
    },
    ask: createAsk({ ...platform, http: outgoing('source', 'Questions to metric sources', true) }),
  });
  platform.metrics.gauge(
    'metric_series',
    'Series that were written within the last hour.',
    () => metricStore.figures().series,
  );
  platform.metrics.gauge(
    'metric_recent_samples',
    'Samples in memory that do not stand in chunks yet.',
    () => metricStore.figures().recentSamples,
  );
  const transitions = platform.metrics.counter(
    'breaker_transitions_total',
    'Changes of breakers that this process brought about, by new state and cause.',
    ['to', 'cause'],
  );
  const breakers = createBreakers({
    ...platform,
    metricStore,
    replicas: platform.presence.count,
    replica: `${hostname()}-${newId(clock.now()).slice(-5)}`,
    onTransition: ({ to, cause }) => transitions.inc({ to, cause }),
  });
  platform.metrics.gauges(
    'breakers',
    'Breakers that this process knows, by state.',
    'state',
    breakers.byState,
  );
  platform.metrics.gauges(
    'breaker_state',
    'State of each breaker that is in use here: 0 closed, 1 half open, 2 open.',
    'breaker',
    breakers.states,
  );
  platform.metrics.gauge(
    'breakers_shared',
    '1 while breakers are shared with the other replicas, or there is nothing to share through.',
    () => (breakers.group.status().away ? 0 : 1),
  );
  const sources = createSources({ ...platform, metricStore });
  const queries = createQueries({
    ...platform,
    addresses: platform.http.addresses,
    replica: newId(clock.now()),
    replicas: platform.presence.count,
    incidents: {
      report: (...given) => incidents.report(...given),
      ended: (...given) => incidents.ended(...given),
      announce: (id) => incidents.announce(id),
    },
  });
  const telemetry = createTelemetry({
    ...platform,
    metricStore,
    onEvents: queries.watching.take,
  });
  const live = createLive({
    ...platform,
    more: () => {
      const { samplesPerSecond, series, recentSamples } = metricStore.figures();
      return {
        metric_samples_per_second: samplesPerSecond,
        metric_series: series,
        metric_recent_samples: recentSamples,
      };
    },
  });
  const system = createSystem({
    ...platform,
    live,
    audit: auditReader,
    startedAt: clock.now(),
    replicas: platform.presence.count,
  });

  const notify = createNotify({
    ...platform,
    http: outgoing('notify', 'Messages to channels'),
    guardOf: (name) => breakers.guard(name, { description: 'Messages to channels', outcomeOf }),
  });
  const keys = createKeys({ ...platform, teller: notify, revocations });
  const policies = createPolicies({
    ...platform,
    metricStore,
    keys,
    environment: config.WHEELHOUSE_ENVIRONMENT,
    procedures: () => procedures,
  });
  const incidents = createIncidents({ ...platform, teller: notify });
  const received = platform.metrics.counter(
    'alerts_received_total',
    'Alerts that Alertmanager sent, by what became of them.',
    ['outcome'],
  );
  const alerts = createAlerts({
    ...platform,
    incidents,
    apply: breakers.holds.apply,
    onAlert: (outcome) => received.inc({ outcome }),
  });
  const checks = platform.metrics.histogram(
    'health_check_lag_seconds',
    'Time between when a check was due and when it began.',
    {
      labelNames: ['outcome'],
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    },
  );
  const relievers = [
    { name: 'session look-ups', run: sessions.announce },
    { name: 'cache', run: cache.relieve },
    { name: 'expired sessions', run: sessions.purge },
    { name: 'sign-in throttles', run: signIn.purgeThrottles },
    { name: 'policies', run: policies.reload },
  ];
  const health = createHealth({
    ...platform,
    incidents,
    remedyHttp: outgoing('remedy', 'Remedies that call a webhook'),
    commands: config.commands,
    dockerSocket: config.WHEELHOUSE_DOCKER_SOCKET,
    connectivityTargets: config.WHEELHOUSE_CONNECTIVITY_TARGETS,
    checkConcurrency: config.WHEELHOUSE_CHECK_CONCURRENCY,
    remediesMax: config.WHEELHOUSE_REMEDIES_MAX,
    relievers,
    menders: [{ name: 'policies', needed: policies.isOld, run: policies.reload }],
    own: async () => {
      const figures = await system.figures();
      return {
        ...figures,
        components: [...components(figures), limits.component(), policies.component()],
      };
    },
    onCheck: (outcome, lagSeconds) => checks.observe({ outcome }, lagSeconds),
  });
  platform.metrics.gauge(
    'health_targets',
    'Targets that this process checks.',
    () => health.engine.stats().watched,
  );
  platform.metrics.gauge(
    'health_targets_down',
    'Targets that are down, of those that this process checks.',
    () => health.engine.stats().down,
  );

  const memory = createMemory({
    ...platform,
    incidents,
    metricStore,
    relievers,
    dataDir: config.dataDir,
    port: config.PORT,
    policy: memoryPolicy(
      config.WHEELHOUSE_MEMORY_WINDOW_SECONDS,
      config.WHEELHOUSE_MEMORY_GROWTH_MB,
    ),
    mayRestart: config.WHEELHOUSE_MEMORY_RESTART === 'on',
  });

  const dashboards = createDashboards({ ...platform, cache });
  const warmer = createWarmer({
    ...platform,
    cache,
    loaders: {
      dashboards(name) {
        const [what, first = '', second] = name.split(':');
        if (what === 'get') return dashboards.get(first);
        return what === 'list'
          ? dashboards.list({ limit: Number(first), cursor: second || null })
          : null;
      },
      queries: (name) => (name === 'saved' ? metricStore.saved.list() : null),
    },
    async costs() {
      const byProcedure = await queries.procedureCosts();
      return (key) =>
        byProcedure.get(
          key === 'queries:saved' ? 'metrics.saved.list' : key.split(':').slice(0, 2).join('.'),
        ) ?? 0;
    },
  });
  const gameDays = createGameDays({
    ...platform,
    http: outgoing('fleet', 'Faults for the demo fleet'),
    fleet:
      config.WHEELHOUSE_FLEET_URL && config.WHEELHOUSE_FLEET_TOKEN
        ? { url: config.WHEELHOUSE_FLEET_URL, token: config.WHEELHOUSE_FLEET_TOKEN }
        : null,
  });

  const modelRows = platform.metrics.counter(
    'model_rows_total',
    'Predictions and labels that came in, by kind and outcome.',
    ['kind', 'outcome'],
  );
  const models = createModels({
    ...platform,
    incidents,
    onRemove: (...given) => drift.monitors.forget(...given),
    onTaken(kind, outcome, count) {
      if (count > 0) modelRows.inc({ kind, outcome }, count);
    },
  });

  const comparer = createComparer(platform);

  const drift = createDrift({
    ...platform,
    comparer,
    models,
    incidents,
    dataDir: config.dataDir,
    host: hostname(),
    uploadMaxBytes: config.WHEELHOUSE_UPLOAD_MAX_BYTES,
  });

  const forecaster = createForecaster(platform);
  const forecastKeeper = createForecasts({
    ...platform,
    forecaster,
    health,
    metricStore,
    incidents,
  });
  const capacity = createCapacity({
    ...platform,
    dataDir: config.dataDir,
    publicUrl: config.WHEELHOUSE_PUBLIC_URL ?? `http://${config.HOST}:${config.PORT}`,
    incidents,
    forecaster,
    metricStore,
    memory,
    queries,
  });

  const jobDefinitions: JobDefinition[] = [
    ...auditJobs(auditReader),
    ...cacheJobs(warmer, platform.log),
    ...breakersJobs(breakers, platform.log),
    ...capacityJobs(capacity),
    ...forecastsJobs(forecastKeeper),
    ...driftJobs(drift),
    ...healthJobs(health, platform.log),
    ...keysJobs(keys),
    ...memoryJobs(memory),
    ...metricsJobs(metricStore),
    ...modelsJobs(models, platform.log),
    ...notifyJobs(notify),
    ...policiesJobs(policies),
    ...queriesJobs(queries),
    ...sessionsJobs(sessions),
    ...telemetryJobs(telemetry, platform.log),
    ...tokensJobs(tokens),
    ...usersJobs(signIn),
  ];
  const https = config.WHEELHOUSE_PUBLIC_URL?.startsWith('https:') ?? false;
  const security = createSecurity({
    ...platform,
    audit: auditReader,
    keys,
    limits,
    policies,
    tokens,
    throttle: accountPolicy,
    sent: {
      contentPolicy: contentSecurityPolicy({ scripts: [], dev: config.dev }),
      hsts: https ? HSTS : null,
      cookieName: sessionCookieName(https),
    },
  });
  const appRouter = createAppRouter({
    auditReader,
    sessions,
    users,
    keys,
    procedures: () => [...procedureNames],
    system,
    limits,
    cache,
    warmer,
    breakers,
    notify,
    incidents,
    health,
    gameDays,
    dashboards,
    memory,
    metricStore,
    telemetry,
    sources,
    queries,
    models,
    comparer,
    drift,
    forecaster,
    forecastKeeper,
    capacity,
    tokens,
    policies,
    security,
    config,
  });
  const procedures = procedureInfo(appRouter);
  const procedureNames: ReadonlySet<string> = new Set(Object.keys(appRouter._def.procedures));
  return {
    auditReader,
    sessions,
    users,
    signIn,
    keys,
    revocations,
    tokens,
    policies,
    limits,
    cache,
    warmer,
    breakers,
    live,
    system,
    notify,
    incidents,
    alerts,
    health,
    gameDays,
    dashboards,
    memory,
    metricStore,
    telemetry,
    sources,
    queries,
    models,
    drift,
    forecastKeeper,
    capacity,
    router: appRouter,
    jobDefinitions,
    /** Begins the work that goes on by itself: checks, healing, messages. Not on `ROLE=web`. */
    async start() {
      await breakers.start();
      notify.start();
      incidents.start();
      await health.start();
      gameDays.start();
      sources.start();
      queries.start();
      capacity.start();
      await dashboards.start();
    },
    /** Reverse of construction. */
    async close() {
      await capacity.close();
      await drift.close();
      await models.close();
      await memory.close();
      await gameDays.close();
      await queries.close();
      await sources.close();
      await telemetry.close();
      await policies.close();
      await metricStore.close();
      await health.close();
      await incidents.close();
      await notify.close();
      await breakers.close();
      live.close();
      await warmer.close();
      cache.close();
      limits.close();
      await keys.close();
      tokens.close();
      await sessions.close();
    },
  };
}

function createAppRouter(modules: {
  auditReader: ReturnType<typeof createAuditReader>;
  sessions: ReturnType<typeof createSessions>;
  users: ReturnType<typeof createUsers>;
  system: ReturnType<typeof createSystem>;
  limits: ReturnType<typeof createLimits>;
  cache: ReturnType<typeof createCache>;
  warmer: ReturnType<typeof createWarmer>;
  breakers: ReturnType<typeof createBreakers>;
  notify: ReturnType<typeof createNotify>;
  incidents: ReturnType<typeof createIncidents>;
  health: ReturnType<typeof createHealth>;
  gameDays: ReturnType<typeof createGameDays>;
  dashboards: ReturnType<typeof createDashboards>;
  keys: ReturnType<typeof createKeys>;
  procedures: () => readonly string[];
  memory: ReturnType<typeof createMemory>;
  metricStore: ReturnType<typeof createMetricStore>;
  telemetry: ReturnType<typeof createTelemetry>;
  sources: ReturnType<typeof createSources>;
  queries: Queries;
  models: ReturnType<typeof createModels>;
  comparer: ReturnType<typeof createComparer>;
  drift: Drift;
  forecaster: ReturnType<typeof createForecaster>;
  forecastKeeper: ForecastKeeper;
  capacity: ReturnType<typeof createCapacity>;
  tokens: ReturnType<typeof createTokens>;
  policies: ReturnType<typeof createPolicies>;
  security: Security;
  config: Platform['config'];
}) {
  const { config } = modules;
  return router({
    system: systemRouter(modules.system, modules.security),
    users: usersRouter(modules.users, {
      oidcName: config.WHEELHOUSE_OIDC_ISSUER ? config.WHEELHOUSE_OIDC_NAME : null,
    }),
    sessions: sessionsRouter(modules.sessions),
    audit: auditRouter(modules.auditReader),
    keys: keysRouter(modules.keys, modules.procedures),
    limits: limitsRouter(modules.limits),
    cache: cacheRouter(modules.cache, modules.warmer),
    breakers: breakersRouter(modules.breakers),
    health: healthRouter(modules.health),
    incidents: incidentsRouter(modules.incidents),
    notify: notifyRouter(modules.notify),
    gamedays: gamedaysRouter(modules.gameDays),
    dashboards: dashboardsRouter(modules.dashboards),
    memory: memoryRouter(modules.memory),
    metrics: metricsRouter(modules.metricStore),
    models: modelsRouter(modules.models),
    drift: driftRouter({ comparer: modules.comparer, ...modules.drift }),
    forecasts: forecastsRouter({
      forecasts: modules.forecastKeeper.forecasts,
      forecaster: modules.forecaster,
    }),
    capacity: capacityRouter(modules.capacity),
    telemetry: telemetryRouter(modules.telemetry),
    sources: sourcesRouter(modules.sources),
    queries: queriesRouter(modules.queries),
    tokens: tokensRouter(modules.tokens),
    policies: policiesRouter(modules.policies),
  });
}

export type AppRouter = ReturnType<typeof createAppRouter>;
