/**
 * What comes before and after the rules: the credential, the role, the scopes, what cannot be denied, and the default. Pure;
 * used alike for real calls, for questions, for the matrix and for previews.
 */
import { type Role, roleAllows } from '../api/contract.ts';
import type { ProcedureInfo } from '../api/procedures.ts';
import { scopesAllow } from '../api/scopes.ts';
import type { Decision, Origin } from './contract.ts';
import type { Asked, Policy, Verdict } from './decide.ts';
import { detailOf, LOADING, PROTECTED, reasonOf } from './words.ts';

export type Subject = {
  /** As it is shown and counted: `key:ID`. */
  subject: string;
  label: string;
  /** Everything that rules may name it by. */
  names: readonly string[];
  role: Role | null;
  scopes: readonly string[];
  /** A person who signs in, who must not be locked out. */
  person: boolean;
  /** Why it may do nothing at all; null when its credential counts. */
  fault: string | null;
};
/** What a procedure asks of its caller; null for tools that are no procedures of the console. */
export type Needs = ProcedureInfo['needs'];
export type Judged = Decision & {
  by: Origin;
  ruleName: string | null;
  detail: string;
  conditional: boolean;
};
export type Situation = {
  scope: string;
  address: string | null;
  environment: string;
  nowMs: number;
};

/** Tools that no rule can take from a person: the own account and sessions, and for admins what gives access back. */
export function isProtected(
  { person, role }: Pick<Subject, 'person' | 'role'>,
  tool: string,
): boolean {
  if (!person) return false;
  if (tool === 'users.me' || tool.startsWith('sessions.')) return true;
  return role === 'admin' && (tool.startsWith('policies.') || tool.startsWith('users.'));
}

const settled = (allowed: boolean, by: Origin, reason: string): Judged => ({
  allowed,
  by,
  reason,
  ruleId: null,
  ruleName: null,
  detail: reason,
  conditional: false,
});

const isConditional = ({ rule }: Verdict): boolean =>
  rule !== null && Object.keys(rule.conditions).length > 0;

/** What holds before any rule; null when it is up to the rules. */
export function beforeRules(subject: Subject, tool: string, needs: Needs): Judged | null {
  const { fault, role, scopes } = subject;
  if (fault) return settled(false, 'credential', fault);
  if (needs && 'capability' in needs) {
    if (scopes.includes(needs.capability)) return null;
    return settled(
      false,
      'scopes',
      `This needs a key or token with the scope ${needs.capability}.`,
    );
  }
  if (needs && role && !roleAllows(role, needs.role)) {
    return settled(
      false,
      'role',
      `This needs the role ${needs.role}; that of the subject is ${role}.`,
    );
  }
  if (!scopesAllow(scopes, tool)) {
    return settled(false, 'scopes', `The scopes of the subject do not name ${tool}.`);
  }
  return null;
}

/** What the rules say; `policy` is null as long as none were read. */
export function byRules(
  policy: Policy | null,
  subject: Subject,
  tool: string,
  situation: Situation & { changes: boolean },
): Judged {
  if (isProtected(subject, tool)) return settled(true, 'protected', PROTECTED);
  // Reading goes on as the role allows; a change that a rule may forbid does not.
  if (!policy) return settled(!situation.changes, 'loading', LOADING);
  const { scope, address, environment, nowMs } = situation;
  const asked: Asked = { subjects: subject.names, tool, scope, address, environment };
  const verdict = policy.decide(asked, nowMs);
  const { effect, rule } = verdict;
  return {
    allowed: effect === 'allow',
    by: rule ? 'rule' : 'default',
    reason: reasonOf(verdict),
    ruleId: rule?.id ?? null,
    ruleName: rule?.name ?? null,
    // Long, and only looked at when it was a no.
    detail: effect === 'deny' ? detailOf(verdict, asked) : '',
    conditional: isConditional(verdict),
  };
}
