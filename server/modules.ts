/**
 * The one explicit list of modules. Construction order is dependency order; nothing is wired later. A module
 * adds its service, its router and its jobs here, and nowhere else.
 */
import { router } from './api/trpc.ts';
import { auditJobs, auditRouter, createAuditReader } from './audit/index.ts';
import { createKeys } from './keys/index.ts';
import type { JobDefinition } from './platform/jobs.ts';
import type { Platform } from './runtime.ts';
import { createSessions, sessionsJobs, sessionsRouter } from './sessions/index.ts';
import { createLive, createSystem, systemRouter } from './system/index.ts';
import {
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
  const sessions = createSessions({
    ...platform,
    maxAgeSeconds: config.WHEELHOUSE_SESSION_DAYS * 86_400,
  });
  const passwords = createPasswords();
  const users = createUsers({ ...platform, passwords, sessions });
  const signIn = createSignIn({
    ...platform,
    passwords,
    sessions,
    oidcDefaultRole: config.WHEELHOUSE_OIDC_DEFAULT_ROLE,
  });
  const keys = createKeys(platform);
  const live = createLive(platform);
  const system = createSystem({
    ...platform,
    live,
    audit: auditReader,
    startedAt: clock.now(),
    replicas: platform.presence.count,
  });

  const jobDefinitions: JobDefinition[] = [
    ...auditJobs(auditReader),
    ...sessionsJobs(sessions),
    ...usersJobs(signIn),
  ];
  return {
    auditReader,
    sessions,
    users,
    signIn,
    keys,
    live,
    system,
    router: createAppRouter({ auditReader, sessions, users, system, config }),
    jobDefinitions,
    /** Reverse of construction. */
    async close() {
      live.close();
      await keys.close();
      await sessions.close();
    },
  };
}

function createAppRouter(modules: {
  auditReader: ReturnType<typeof createAuditReader>;
  sessions: ReturnType<typeof createSessions>;
  users: ReturnType<typeof createUsers>;
  system: ReturnType<typeof createSystem>;
  config: Platform['config'];
}) {
  const { config } = modules;
  return router({
    system: systemRouter(modules.system),
    users: usersRouter(modules.users, {
      oidcName: config.WHEELHOUSE_OIDC_ISSUER ? config.WHEELHOUSE_OIDC_NAME : null,
    }),
    sessions: sessionsRouter(modules.sessions),
    audit: auditRouter(modules.auditReader),
  });
}

export type AppRouter = ReturnType<typeof createAppRouter>;
