/** Reads the state of everything that the security checklist names; nothing of it is assumed. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { AuditReader } from '../audit/index.ts';
import type { Config } from '../config.ts';
import type { Keys } from '../keys/index.ts';
import type { Limits } from '../limits/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { HttpClient } from '../platform/http-client.ts';
import type { Policies } from '../policies/index.ts';
import type { Tokens } from '../tokens/index.ts';
import type { SecurityItem } from './contract.ts';
import { checklist } from './hardening.ts';

const root = path.resolve(import.meta.dirname, '../..');
/** Where clouds keep what hands out credentials. */
const METADATA = ['169.254.169.254', '::ffff:169.254.169.254', 'fd00:ec2::254', '100.100.100.200'];

export type Security = { items(): Promise<{ items: SecurityItem[] }> };

export function createSecurity(deps: {
  config: Config;
  db: Db;
  clock: Clock;
  http: Pick<HttpClient, 'addresses'>;
  audit: Pick<AuditReader, 'lastVerified'>;
  keys: Pick<Keys, 'figures'>;
  limits: Pick<Limits, 'status'>;
  policies: Pick<Policies, 'status' | 'isOld'>;
  tokens: Pick<Tokens, 'ready'>;
  throttle: { allowed: number; firstLockMs: number; maxLockMs: number };
  /** As they are sent. */
  sent: { contentPolicy: string; hsts: string | null; cookieName: string };
}): Security {
  const { config, db, clock } = deps;
  const modeOf = (file: string) =>
    stat(file).then(
      ({ mode, mtime }) => ({ mode, modifiedAt: mtime }),
      () => null,
    );
  /** `Dependencies audited: DATE, package-lock.json HASH` in the document of the audit. */
  const dependencies = async () => {
    const [report, lock] = await Promise.all(
      ['docs/SECURITY-AUDIT.md', 'package-lock.json'].map((file) =>
        readFile(path.join(root, file), 'utf8').catch(() => ''),
      ),
    );
    const noted =
      /^Dependencies audited: (\d{4}-\d\d-\d\d), package-lock\.json ([0-9a-f]{12})/m.exec(
        report ?? '',
      );
    if (!noted?.[1]) return null;
    const digest = createHash('sha256')
      .update(lock ?? '')
      .digest('hex')
      .slice(0, 12);
    return { auditedAt: noted[1], lockUnchanged: digest === noted[2] };
  };
  const accounts = async (now: Date) => {
    const { rows } = await db.pool.query<
      Record<'active' | 'password' | 'locked' | 'metrics', number>
    >({
      name: 'security-accounts',
      text: `SELECT (SELECT count(*)::int FROM users WHERE role = 'admin' AND disabled_at IS NULL
                       AND (password_hash IS NOT NULL OR oidc_subject IS NOT NULL)) AS active,
                    (SELECT count(*)::int FROM users WHERE role = 'admin' AND disabled_at IS NULL
                       AND password_hash IS NOT NULL) AS password,
                    (SELECT count(*)::int FROM sign_in_throttles WHERE locked_until > $1) AS locked,
                    (SELECT count(*)::int FROM api_keys WHERE revoked_at IS NULL AND 'metrics:read' = ANY(scopes)
                       AND (expires_at IS NULL OR expires_at > $1)) AS metrics`,
      values: [now],
    });
    return rows[0] ?? { active: 0, password: 0, locked: 0, metrics: 0 };
  };
  return {
    async items() {
      const now = clock.now();
      const generated = config.sources.WHEELHOUSE_SECRET === 'generated';
      const [people, keys, limits, policies, audited, folder, secretFile, packages] =
        await Promise.all([
          accounts(now),
          deps.keys.figures(),
          deps.limits.status(),
          deps.policies.status(),
          deps.audit.lastVerified(),
          modeOf(config.dataDir),
          generated ? modeOf(path.join(config.dataDir, 'secret')) : null,
          dependencies(),
        ]);
      const { counting, replicas, errors } = limits;
      const items = checklist({
        now,
        dev: config.dev,
        host: config.HOST,
        publicUrl: config.WHEELHOUSE_PUBLIC_URL ?? null,
        trustedProxies: config.WHEELHOUSE_TRUSTED_PROXIES ?? [],
        allowedOrigins: config.WHEELHOUSE_ALLOWED_ORIGINS ?? [],
        ...deps.sent,
        secret: { source: config.sources.WHEELHOUSE_SECRET, file: secretFile },
        dataFolderMode: folder?.mode ?? null,
        limits: { counting, replicas, errors },
        throttle: { ...deps.throttle, lockedNow: people.locked },
        sessionDays: config.WHEELHOUSE_SESSION_DAYS,
        signIn: {
          oidcIssuer: config.WHEELHOUSE_OIDC_ISSUER ?? null,
          oidcDefaultRole: config.WHEELHOUSE_OIDC_DEFAULT_ROLE ?? null,
        },
        admins: { active: people.active, withPassword: people.password },
        initialPassword: config.WHEELHOUSE_INIT_ADMIN_PASSWORD !== undefined,
        keys,
        metricsKeys: people.metrics,
        tokens: deps.tokens.ready(),
        policies: {
          defaultEffect: policies.defaultEffect,
          rules: policies.enabled,
          current: !deps.policies.isOld() && policies.seenAt !== null,
        },
        audit: audited,
        outgoing: METADATA.map((address) => ({
          address,
          refused: deps.http.addresses.isRefused(address),
        })),
        databaseUrl: config.DATABASE_URL ?? null,
        redisUrl: config.REDIS_URL ?? null,
        dependencies: packages,
      });
      return { items };
    },
  };
}
