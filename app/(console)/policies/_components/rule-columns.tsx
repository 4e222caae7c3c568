import type { Column } from '../../../../components/data/columns.ts';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { RowActions } from '../../../../components/data/row-actions.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import type { RuleItem } from '../../../../server/policies/contract.ts';
import { conditionWords, effectWords } from './words.ts';

export type RuleAction = 'edit' | 'enable' | 'disable' | 'remove';
export type Act = (action: RuleAction, rule: RuleItem) => void;

const load = () => import('./row-menu.tsx');
const effectOf = ({ effect, enabled }: RuleItem) =>
  enabled ? effectWords[effect] : ({ kind: 'off', word: `Off (${effect})` } as const);
const mono = (text: string) => (
  <span title={text} className="font-mono text-12">
    {text}
  </span>
);

export const columnsOf = (act: Act): readonly Column<RuleItem>[] => [
  {
    id: 'effect',
    header: 'Effect',
    width: '116px',
    sort: (rule) => effectOf(rule).word,
    csv: (rule) => effectOf(rule).word,
    cell: (rule) => <StatusBadge {...effectOf(rule)} />,
  },
  {
    id: 'name',
    header: 'Rule',
    width: '180px',
    sort: ({ name }) => name,
    csv: ({ name }) => name,
    cell: ({ name, description }) => (
      <span title={description ? `${name}: ${description}` : name} className="font-medium">
        {name}
      </span>
    ),
  },
  {
    id: 'subject',
    header: 'Who',
    width: '190px',
    sort: ({ subject, subjectName }) => subjectName ?? subject,
    csv: ({ subject }) => subject,
    cell: ({ subject, subjectName }) =>
      subjectName === null ? (
        mono(subject)
      ) : (
        <span title={`${subjectName}, ${subject}`}>
          <span className="text-muted">{subject.split(':')[0]}</span> {subjectName}
        </span>
      ),
  },
  {
    id: 'tool',
    header: 'Tool',
    width: '170px',
    sort: ({ tool }) => tool,
    csv: ({ tool }) => tool,
    cell: ({ tool }) => mono(tool),
  },
  {
    id: 'scope',
    header: 'Scope',
    width: '130px',
    sort: ({ scope }) => scope,
    csv: ({ scope }) => scope,
    cell: ({ scope }) => mono(scope),
  },
  {
    id: 'conditions',
    header: 'Only',
    csv: ({ conditions }) => conditionWords(conditions),
    cell: ({ conditions }) => {
      const words = conditionWords(conditions);
      return words ? <span title={words}>{words}</span> : 'always';
    },
  },
  {
    id: 'updated',
    header: 'Changed',
    width: '110px',
    sort: ({ updatedAt }) => updatedAt,
    csv: ({ updatedAt }) => updatedAt,
    cell: ({ updatedAt, updatedBy }) => (
      <span title={`by ${updatedBy}`}>
        <RelativeTime at={updatedAt} />
      </span>
    ),
  },
  {
    id: 'actions',
    header: 'Actions',
    width: '84px',
    cell: (rule) => <RowActions name={rule.name} load={load} menu={{ rule, act }} />,
  },
];
