/** Who a subject is: what rules may name it by, its role and scopes, and whether its credential still counts. */
import { type Role, roleAllows, roles } from '../api/contract.ts';
import type { Principal } from '../api/trpc.ts';
import type { Keys } from '../keys/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { Subject } from './judge.ts';

export type Subjects = {
  of(principal: Principal): Subject;
  /** Looks them up; one query a kind. */
  find(subjects: readonly string[]): Promise<Subject[]>;
  /** The newest keys that were not revoked. */
  newestKeys(limit: number): Promise<string[]>;
};

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const named = (role: Role): string => `role:${role}`;
/** Rules for a key hold for the tokens that it issued: nobody gets round a rule by issuing one. */
const issuedBy = (issuer: string | null): string[] => (issuer?.startsWith('key:') ? [issuer] : []);
const lower = (a: Role, b: Role): Role => (roleAllows(a, b) ? b : a);

type Found = Pick<Subject, 'label' | 'role' | 'scopes' | 'fault'> & { names?: readonly string[] };
const unknown = (label: string, fault: string): Found => ({ label, role: null, scopes: [], fault });

export function createSubjects(deps: {
  db: Db;
  clock: Clock;
  keys: Pick<Keys, 'alive'>;
}): Subjects {
  const { db, clock, keys } = deps;

  const findKeys = async (ids: readonly string[]): Promise<Map<string, Found>> => {
    const known = ids.filter((id) => UUID.test(id));
    if (known.length === 0) return new Map();
    const { rows } = await db.pool.query<{
      id: string;
      name: string;
      role: Role;
      scopes: string[];
      owner: Role | null;
      versions: string[];
    }>({
      name: 'policies-keys',
      text: `SELECT k.id::text, k.name, k.role, k.scopes, u.role AS owner,
                    ARRAY(SELECT v.id::text FROM api_key_versions v WHERE v.key_id = k.id AND v.ended_at IS NULL) AS versions
             FROM api_keys k LEFT JOIN users u ON u.id = k.owner_id WHERE k.id = ANY($1::uuid[])`,
      values: [known],
    });
    const alive = await keys.alive(rows.flatMap(({ versions }) => versions));
    return new Map(
      rows.map(({ id, name, role, scopes, owner, versions }) => [
        id,
        {
          label: name,
          // No key can do more than its owner.
          role: owner ? lower(role, owner) : role,
          scopes,
          fault: versions.some((version) => alive.has(version))
            ? null
            : 'This key was revoked or has ended.',
        },
      ]),
    );
  };
  const findPeople = async (emails: readonly string[]): Promise<Map<string, Found>> => {
    if (emails.length === 0) return new Map();
    const rows = await db.prisma.user.findMany({
      where: { email: { in: [...emails] } },
      select: { email: true, name: true, role: true, disabledAt: true },
    });
    return new Map(
      rows.map(({ email, name, role, disabledAt }) => [
        email,
        { label: name, role, scopes: [], fault: disabledAt ? 'This account is disabled.' : null },
      ]),
    );
  };
  /** By `jti`, or by subject: then the newest one that counts speaks for it. */
  const findTokens = async (ids: readonly string[]): Promise<Map<string, Found>> => {
    if (ids.length === 0) return new Map();
    const { rows } = await db.pool.query<{
      asked: string;
      jti: string;
      subject: string;
      issuer: string | null;
      role: Role;
      scopes: string[];
      alive: boolean;
    }>({
      name: 'policies-tokens',
      text: `SELECT DISTINCT ON (a.asked) a.asked, t.jti::text, t.subject, t.issuer, t.role, t.scopes, t.alive
             FROM unnest($1::text[]) AS a(asked)
             CROSS JOIN LATERAL (
               SELECT i.jti, i.subject, i.issuer, i.role, i.scopes, i.issued_at,
                      i.expires_at > $2 AND i.revoked_at IS NULL AND NOT EXISTS (
                        SELECT 1 FROM revocations r
                        WHERE (r.kind = 'token' AND r.target = i.jti::text)
                           OR (r.kind = 'subject' AND r.target = i.subject AND r.until >= i.issued_at)
                           OR (r.kind = 'issuer' AND r.target = i.issuer AND r.until >= i.issued_at)
                           OR (r.kind = 'key' AND r.target = i.kid)) AS alive
               FROM issued_tokens i
               WHERE i.subject = a.asked OR (a.asked ~ '^[0-9a-f-]{36}$' AND i.jti::text = a.asked)
               ORDER BY i.expires_at DESC LIMIT 100) t
             ORDER BY a.asked, t.alive DESC, t.issued_at DESC`,
      values: [ids, clock.now()],
    });
    return new Map(
      rows.map(({ asked, jti, subject, issuer, role, scopes, alive }) => [
        asked,
        {
          label: subject,
          role,
          scopes,
          names: [
            `token:${subject}`,
            ...(asked === jti ? [`token:${jti}`] : []),
            ...issuedBy(issuer),
          ],
          fault: alive ? null : 'This token was revoked or has ended.',
        },
      ]),
    );
  };
  const roleOf = (text: string): Found => {
    const role = roles.find((each) => each === text);
    if (!role) return unknown(text, 'There is no such role.');
    return { label: role, role, scopes: [], fault: null, names: [] };
  };

  return {
    of(principal) {
      const { role } = principal;
      if (principal.kind === 'user') {
        const subject = `user:${principal.email}`;
        const names = [subject, named(role)];
        return {
          subject,
          label: principal.name,
          names,
          role,
          scopes: [],
          person: true,
          fault: null,
        };
      }
      const { id, name, scopes } = principal;
      const subject = principal.kind === 'key' ? `key:${id}` : `token:${name}`;
      const more = principal.kind === 'key' ? [] : [`token:${id}`, ...issuedBy(principal.issuer)];
      const names = [subject, ...more, named(role)];
      return { subject, label: name, names, role, scopes, person: false, fault: null };
    },
    async find(subjects) {
      const of = (kind: string) =>
        subjects
          .filter((subject) => subject.startsWith(`${kind}:`))
          .map((subject) => subject.slice(kind.length + 1));
      const [keyed, people, tokens] = await Promise.all([
        findKeys(of('key')),
        findPeople(of('user')),
        findTokens(of('token')),
      ]);
      return subjects.map((subject): Subject => {
        const at = subject.indexOf(':');
        const kind = subject.slice(0, at);
        const id = subject.slice(at + 1);
        const found =
          kind === 'key'
            ? (keyed.get(id) ?? unknown(id, 'There is no such key.'))
            : kind === 'user'
              ? (people.get(id) ?? unknown(id, 'There is no such account.'))
              : kind === 'token'
                ? (tokens.get(id) ?? unknown(id, 'No token of this subject was issued.'))
                : kind === 'role'
                  ? roleOf(id)
                  : { label: id, role: null, scopes: [], fault: null };
        const names = [...(found.names ?? [subject]), ...(found.role ? [named(found.role)] : [])];
        return { ...found, subject, names, person: kind === 'user' };
      });
    },
    async newestKeys(limit) {
      const rows = await db.prisma.apiKey.findMany({
        where: { revokedAt: null },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: limit,
        select: { id: true },
      });
      return rows.map(({ id }) => `key:${id}`);
    },
  };
}
