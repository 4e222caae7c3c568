/**
 * The one explicit list of modules. Construction order is dependency order; nothing is wired later. A module
 * adds its service, its router and its jobs here, and nowhere else.
 */
import { router } from './api/trpc.ts';
import { auditJobs, auditRouter, createAuditReader } from './audit/index.ts';
import { createKeys } from './keys/index.ts';
import type { Platform } from './runtime.ts';
import { createSessions, sessionsJobs, sessionsRouter } from './sessions/index.ts';
import { createLive, createSystem, systemRouter } from './system/index.ts';
import { createPasswords } from './users/passwords.ts';
import { createSignIn, createUsers, usersJobs, usersRouter } from './users/index.ts';
