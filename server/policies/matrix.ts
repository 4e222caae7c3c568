/** "Who can do what": every subject against every tool, each different answer once. Pure. */
import type { Matrix, MatrixCell } from './contract.ts';
import type { Policy } from './decide.ts';
import { beforeRules, byRules, type Needs, type Situation, type Subject } from './judge.ts';

export type Tool = { tool: string; kind: 'query' | 'mutation' | 'other'; needs: Needs };

export function matrixOf(
  policy: Policy | null,
  subjects: readonly Subject[],
  tools: readonly Tool[],
  situation: Situation,
): Omit<Matrix, 'truncated'> {
  const answers: MatrixCell[] = [];
  const places = new Map<string, number>();
  const placeOf = (cell: MatrixCell): number => {
    const key = JSON.stringify(cell);
    const known = places.get(key);
    if (known !== undefined) return known;
    places.set(key, answers.length);
    return answers.push(cell) - 1;
  };
  const rows = tools.map(({ tool, kind, needs }) => ({
    tool,
    kind,
    needs: needs && 'role' in needs ? needs.role : null,
    cells: subjects.map((subject) => {
      const { allowed, reason, ruleId, by, conditional } =
        beforeRules(subject, tool, needs) ??
        byRules(policy, subject, tool, { ...situation, changes: kind === 'mutation' });
      return placeOf({ allowed, reason, ruleId, by, conditional });
    }),
  }));
  return {
    subjects: subjects.map(({ subject, label, role }) => ({ subject, label, role })),
    answers,
    rows,
  };
}
