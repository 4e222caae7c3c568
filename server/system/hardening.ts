/** Pure: what the running configuration means for security, one line each. */
import type { SecurityItem, SecurityState } from './contract.ts';

export type SecurityFacts = {
  dev: boolean;
  host: string;
  publicUrl: string | null;
  trustedProxies: readonly string[];
  allowedOrigins: readonly string[];
  /** Of pages, without the hashes of their scripts. */
  contentPolicy: string;
  cookieName: string;
  hsts: string | null;
  secret: { source: string; file: { mode: number; modifiedAt: Date } | null };
  dataFolderMode: number | null;
  limits: { counting: 'shared' | 'process'; replicas: number; errors: number };
  throttle: { allowed: number; firstLockMs: number; maxLockMs: number; lockedNow: number };
  sessionDays: number;
  signIn: { oidcIssuer: string | null; oidcDefaultRole: string | null };
  admins: { active: number; withPassword: number };
  initialPassword: boolean;
  keys: { live: number; endless: number; overdue: number; unscopedAdmins: number };
  metricsKeys: number;
  tokens: { loaded: boolean; detail: string };
  policies: { defaultEffect: string; rules: number; current: boolean };
  audit: { at: Date; ok: boolean; checked: number } | null;
  /** Addresses that must be refused, and whether they are. */
  outgoing: { address: string; refused: boolean }[];
  databaseUrl: string | null;
  redisUrl: string | null;
  dependencies: { auditedAt: string; lockUnchanged: boolean } | null;
  now: Date;
};

const DAY_MS = 86_400_000;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1|\[::1\])$/;
const HSTS_SECONDS = 15_552_000;
const octal = (mode: number): string => (mode & 0o777).toString(8).padStart(3, '0');
const plural = (value: number, one: string, many: string): string =>
  `${value} ${value === 1 ? one : many}`;
const days = (from: Date, to: Date): number =>
  Math.max(0, Math.floor((to.getTime() - from.getTime()) / DAY_MS));

type Line = Omit<SecurityItem, 'state' | 'value'>;
const line = (about: Line, state: SecurityState, value: string): SecurityItem => ({
  ...about,
  state,
  value,
});

function transport(f: SecurityFacts): SecurityItem[] {
  const https = f.publicUrl?.startsWith('https:') ?? false;
  const local = LOOPBACK.test(f.host);
  const everyone = f.trustedProxies.filter((each) => /^(0\.0\.0\.0|::)\/0$/.test(each));
  const maxAge = Number(/max-age=(\d+)/.exec(f.hsts ?? '')?.[1] ?? 0);
  return [
    line(
      {
        id: 'public-url',
        area: 'HTTPS',
        title: 'Public address',
        why: 'Without TLS passwords, cookies and keys can be read on the way.',
        how: 'Put a TLS proxy in front and set WHEELHOUSE_PUBLIC_URL to its https address.',
      },
      https ? 'ok' : local && f.publicUrl === null ? 'warn' : 'bad',
      f.publicUrl ??
        (local
          ? `not set; served on this machine only (${f.host})`
          : `not set; served on ${f.host} without TLS`),
    ),
    line(
      {
        id: 'hsts',
        area: 'HTTPS',
        title: 'HSTS',
        why: 'Tells browsers never to try without TLS again.',
        how: 'It is sent with every answer once WHEELHOUSE_PUBLIC_URL is https.',
      },
      maxAge >= HSTS_SECONDS ? 'ok' : 'warn',
      f.hsts ?? 'not sent',
    ),
    line(
      {
        id: 'cookies',
        area: 'HTTPS',
        title: 'Session cookie',
        why: 'A cookie with the prefix __Secure- is never sent without TLS.',
        how: 'It has the prefix once WHEELHOUSE_PUBLIC_URL is https.',
      },
      f.cookieName.startsWith('__Secure-') ? 'ok' : https ? 'bad' : 'warn',
      f.cookieName,
    ),
    line(
      {
        id: 'proxies',
        area: 'HTTPS',
        title: 'Trusted proxies',
        why: 'Only they may say which address a request comes from and whether it used TLS.',
        how: 'Set WHEELHOUSE_TRUSTED_PROXIES to the addresses of your proxies, and no more.',
      },
      everyone.length > 0 ? 'bad' : https && f.trustedProxies.length === 0 ? 'bad' : 'ok',
      f.trustedProxies.length > 0 ? f.trustedProxies.join(', ') : 'none',
    ),
    line(
      {
        id: 'database-tls',
        area: 'HTTPS',
        title: 'Connection to PostgreSQL',
        why: 'Everything that is stored goes over it.',
        how: 'Add sslmode=verify-full to DATABASE_URL, or keep the database on this machine.',
      },
      ...wire(f.databaseUrl, 'embedded, on this machine', (url) =>
        /^(require|verify-ca|verify-full)$/.test(url.searchParams.get('sslmode') ?? ''),
      ),
    ),
    line(
      {
        id: 'redis-tls',
        area: 'HTTPS',
        title: 'Connection to Redis',
        why: 'Limits, cached answers and what replicas tell each other go over it.',
        how: 'Use rediss:// in REDIS_URL, or keep Redis on this machine.',
      },
      ...wire(f.redisUrl, 'not configured', (url) => url.protocol === 'rediss:'),
    ),
  ];
}

function wire(
  text: string | null,
  none: string,
  isEncrypted: (url: URL) => boolean,
): [SecurityState, string] {
  if (text === null) return ['ok', none];
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url) return ['warn', 'cannot be read'];
  if (isEncrypted(url)) return ['ok', `${url.hostname}, encrypted`];
  const local = LOOPBACK.test(url.hostname) || url.hostname === '';
  return local ? ['ok', 'on this machine'] : ['warn', `${url.hostname}, not encrypted`];
}

function browser(f: SecurityFacts): SecurityItem[] {
  const scripts = /script-src ([^;]+)/.exec(f.contentPolicy)?.[1] ?? '';
  const loose =
    /'unsafe-|\*|https?:/.test(scripts) || !f.contentPolicy.includes("frame-ancestors 'none'");
  const plain = f.allowedOrigins.filter((origin) => !origin.startsWith('https:'));
  return [
    line(
      {
        id: 'csp',
        area: 'Browser',
        title: 'Content Security Policy',
        why: 'Scripts run only from this origin or by the hash of what was built.',
        how: 'It is loosened only by npm run dev, which is not for production.',
      },
      f.dev || loose ? 'bad' : 'ok',
      f.contentPolicy,
    ),
    line(
      {
        id: 'cors',
        area: 'Browser',
        title: 'Other origins that may ask',
        why: 'Their pages can read answers that come with a key.',
        how: 'Set WHEELHOUSE_ALLOWED_ORIGINS to what needs it, with https.',
      },
      plain.length > 0 ? 'warn' : 'ok',
      f.allowedOrigins.length > 0 ? f.allowedOrigins.join(', ') : 'none',
    ),
  ];
}

function access(f: SecurityFacts): SecurityItem[] {
  const { throttle, keys, admins, signIn } = f;
  return [
    line(
      {
        id: 'sign-in',
        area: 'Access',
        title: 'Ways to sign in',
        why: 'An identity provider brings second factors and ends access when people leave.',
        how: 'Set WHEELHOUSE_OIDC_ISSUER and its client. Leave WHEELHOUSE_OIDC_DEFAULT_ROLE unset, or at viewer.',
      },
      signIn.oidcDefaultRole === 'admin'
        ? 'bad'
        : signIn.oidcDefaultRole === 'operator' || !signIn.oidcIssuer
          ? 'warn'
          : 'ok',
      `${signIn.oidcIssuer ? `password and ${signIn.oidcIssuer}` : 'password'}${signIn.oidcDefaultRole ? `; who is unknown becomes ${signIn.oidcDefaultRole}` : ''}`,
    ),
    line(
      {
        id: 'throttle',
        area: 'Access',
        title: 'Failed sign-ins',
        why: 'Locks an account and an address with doubling waits, so that nobody can guess for long.',
        how: 'It is always on. Locks end by themselves.',
      },
      throttle.lockedNow > 20 ? 'warn' : 'ok',
      `after ${throttle.allowed} attempts ${throttle.firstLockMs / 1000} s, up to ${throttle.maxLockMs / 60_000} min; ${throttle.lockedNow} locked now`,
    ),
    line(
      {
        id: 'sessions',
        area: 'Access',
        title: 'Length of a session',
        why: 'A stolen cookie counts until then, or until the session is revoked.',
        how: 'Set WHEELHOUSE_SESSION_DAYS.',
      },
      f.sessionDays > 30 ? 'warn' : 'ok',
      plural(f.sessionDays, 'day', 'days'),
    ),
    line(
      {
        id: 'admins',
        area: 'Access',
        title: 'Admins',
        why: 'One alone cannot be helped; many are many ways in.',
        how: 'Change roles on the Users page.',
      },
      admins.active === 1 || admins.active > 10 ? 'warn' : admins.active === 0 ? 'bad' : 'ok',
      `${plural(admins.active, 'admin', 'admins')}, ${admins.withPassword} with a password`,
    ),
    line(
      {
        id: 'initial-password',
        area: 'Access',
        title: 'First password in the configuration',
        why: 'It is needed once; afterwards it is a password that lies around.',
        how: 'Unset WHEELHOUSE_INIT_ADMIN_PASSWORD and change the password.',
      },
      f.initialPassword ? 'warn' : 'ok',
      f.initialPassword ? 'still set' : 'not set',
    ),
    line(
      {
        id: 'keys-rotation',
        area: 'Access',
        title: 'Keys overdue for a new version',
        why: 'The longer a key lives, the more places hold it.',
        how: 'Rotate them on the Keys page.',
      },
      keys.overdue > 0 ? 'warn' : 'ok',
      `${keys.overdue} of ${keys.live}`,
    ),
    line(
      {
        id: 'keys-end',
        area: 'Access',
        title: 'Keys without an end',
        why: 'What nobody ends stays open.',
        how: 'Give them a last day on the Keys page, or rotate them by policy.',
      },
      keys.endless > 0 && keys.overdue > 0 ? 'warn' : 'ok',
      `${keys.endless} of ${keys.live}`,
    ),
    line(
      {
        id: 'keys-admin',
        area: 'Access',
        title: 'Admin keys without scopes',
        why: 'Whoever has one can do everything.',
        how: 'Give them the scopes they need on the Keys page.',
      },
      keys.unscopedAdmins > 0 ? 'warn' : 'ok',
      String(keys.unscopedAdmins),
    ),
    line(
      {
        id: 'tokens',
        area: 'Access',
        title: 'Revocations of tokens',
        why: 'As long as they are not known no token is accepted.',
        how: 'They are read by themselves; the log says why not.',
      },
      f.tokens.loaded ? 'ok' : 'bad',
      f.tokens.detail,
    ),
    line(
      {
        id: 'policies',
        area: 'Access',
        title: 'Default of the policies',
        why: 'With deny only what a rule allows goes on; with allow the role decides where no rule speaks.',
        how: 'Change it on the Policies page.',
      },
      !f.policies.current
        ? 'bad'
        : f.policies.defaultEffect === 'deny' || f.policies.rules > 0
          ? 'ok'
          : 'warn',
      `${f.policies.defaultEffect}, ${plural(f.policies.rules, 'rule', 'rules')}${f.policies.current ? '' : '; this process does not have the stored ones'}`,
    ),
  ];
}

function limits({ limits: { counting, replicas, errors } }: SecurityFacts): SecurityItem {
  const split = counting === 'process' && replicas > 1;
  return line(
    {
      id: 'limits',
      area: 'Limits',
      title: 'Rate limits',
      why: 'Whoever asks too fast is refused before anything is read.',
      how: 'With several replicas set REDIS_URL, so that they count together. Figures are on the Limits page.',
    },
    errors > 0 ? 'bad' : split ? 'warn' : 'ok',
    `${counting === 'shared' ? 'counted together' : `counted in this process, one of ${replicas}`}${errors > 0 ? `; ${errors} requests passed because the limiter failed` : ''}`,
  );
}

function secrets(f: SecurityFacts): SecurityItem[] {
  const { file, source } = f.secret;
  const open = file !== null && (file.mode & 0o077) !== 0;
  const age = file
    ? `, ${plural(days(file.modifiedAt, f.now), 'day', 'days')} old, mode ${octal(file.mode)}`
    : '';
  const writable = f.dataFolderMode !== null && (f.dataFolderMode & 0o022) !== 0;
  return [
    line(
      {
        id: 'secret',
        area: 'Secrets',
        title: 'Secret of this installation',
        why: 'Sessions are signed and stored credentials sealed with it.',
        how: 'Set WHEELHOUSE_SECRET from your secret store, or keep the file in the data folder for its owner alone (mode 600).',
      },
      open ? 'bad' : 'ok',
      `from ${source === 'generated' ? 'the data folder' : `the ${source}`}${age}`,
    ),
    line(
      {
        id: 'data-folder',
        area: 'Secrets',
        title: 'Data folder',
        why: 'Who can write there can replace the secret and the database.',
        how: 'Take the right to write from group and others.',
      },
      writable ? 'bad' : f.dataFolderMode === null ? 'warn' : 'ok',
      f.dataFolderMode === null ? 'cannot be read' : `mode ${octal(f.dataFolderMode)}`,
    ),
    line(
      {
        id: 'metrics-route',
        area: 'Secrets',
        title: 'Who reads /metrics',
        why: 'It says much of what runs here.',
        how: 'Programs elsewhere need a key with the scope metrics:read. A proxy on this machine must set X-Forwarded-For.',
      },
      f.metricsKeys > 5 ? 'warn' : 'ok',
      `programs on this machine, and ${plural(f.metricsKeys, 'key', 'keys')} with metrics:read`,
    ),
  ];
}

function records(f: SecurityFacts): SecurityItem[] {
  const missed = f.outgoing.filter(({ refused }) => !refused).map(({ address }) => address);
  const age = f.audit ? days(f.audit.at, f.now) : 0;
  return [
    line(
      {
        id: 'audit',
        area: 'Records',
        title: 'Audit log proved whole',
        why: 'An entry that was changed or removed shows when the chain is followed.',
        how: 'It is done each night; the Audit page does it now.',
      },
      f.audit === null ? 'warn' : !f.audit.ok ? 'bad' : age > 7 ? 'warn' : 'ok',
      f.audit === null
        ? 'not yet, from this data folder'
        : `${f.audit.at.toISOString().slice(0, 10)}: ${f.audit.ok ? `${f.audit.checked} entries are whole` : 'it is broken'}`,
    ),
    line(
      {
        id: 'outgoing',
        area: 'Records',
        title: 'Addresses that are never called',
        why: 'Metadata services of clouds hand out credentials to who asks from this machine.',
        how: 'It is always on, and looked at after the name was resolved.',
      },
      missed.length > 0 ? 'bad' : 'ok',
      missed.length > 0
        ? `would be called: ${missed.join(', ')}`
        : `refused: ${f.outgoing.map(({ address }) => address).join(', ')}`,
    ),
    line(
      {
        id: 'dependencies',
        area: 'Records',
        title: 'Dependencies looked through',
        why: 'Faults become known after a package was chosen.',
        how: 'Run npm audit, write down what was decided and note the date in docs/SECURITY-AUDIT.md.',
      },
      f.dependencies === null || !f.dependencies.lockUnchanged ? 'warn' : 'ok',
      f.dependencies === null
        ? 'no date is noted'
        : `${f.dependencies.auditedAt}${f.dependencies.lockUnchanged ? '' : '; packages have changed since'}`,
    ),
  ];
}

/** In the order of the areas; the page sorts by state. */
export const checklist = (facts: SecurityFacts): SecurityItem[] => [
  ...transport(facts),
  ...browser(facts),
  ...access(facts),
  limits(facts),
  ...secrets(facts),
  ...records(facts),
];
