/** What a rule would change: recorded decisions, decided again with and without it. Pure. */
import { type Role, roles } from '../api/contract.ts';
import type { Effect, Preview, PreviewChange, Rule } from './contract.ts';
import { compile } from './decide.ts';
import { isProtected } from './judge.ts';

const SHOWN = 100;

export type Recorded = {
  subject: string;
  subjectName: string;
  subjects: readonly string[];
  tool: string;
  scope: string;
  by: string;
  address: string | null;
  environment: string;
  count: number;
  lastAt: Date;
};

const roleAmong = (names: readonly string[]): Role | null =>
  roles.find((role) => names.includes(`role:${role}`)) ?? null;
/** No rule reaches what is decided before them. */
const settledBefore = new Set(['credential', 'role', 'scopes']);

/** `candidate` null: what would change without the rule `id`. */
export function previewOf(
  rules: readonly Rule[],
  defaultEffect: Effect,
  change: { id: string | null; candidate: Rule | null },
  recorded: readonly Recorded[],
): Preview {
  const now = compile(rules, defaultEffect);
  const others = rules.filter(({ id }) => id !== change.id);
  const then = compile(change.candidate ? [...others, change.candidate] : others, defaultEffect);
  const items: PreviewChange[] = [];
  let calls = 0;
  let changed = 0;
  let changedCalls = 0;
  for (const each of recorded) {
    const { subject, subjectName, subjects, tool, scope, address, environment, count } = each;
    calls += count;
    if (settledBefore.has(each.by)) continue;
    const person = subject.startsWith('user:');
    if (isProtected({ person, role: roleAmong(subjects) }, tool)) continue;
    const asked = { subjects, tool, scope, address, environment };
    const at = each.lastAt.getTime();
    const before = now.decide(asked, at).effect === 'allow';
    const after = then.decide(asked, at).effect === 'allow';
    if (before === after) continue;
    changed++;
    changedCalls += count;
    const lastAt = each.lastAt.toISOString();
    if (items.length < SHOWN) {
      items.push({ subject, subjectName, tool, scope, count, lastAt, before, after });
    }
  }
  return { looked: recorded.length, calls, changed, changedCalls, items };
}
