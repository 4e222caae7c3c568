/** How models are called, and which status they have. */
import type { ModelItem, Task } from '../../server/models/contract.ts';
import type { StatusKind } from '../data/status-badge.tsx';

export const taskWords: Readonly<Record<Task, string>> = {
  binary: 'Two classes',
  multiclass: 'Several classes',
  regression: 'Numbers',
};

export function modelState({ verdict, lastAt }: Pick<ModelItem, 'verdict' | 'lastAt'>): {
  kind: StatusKind;
  word: string;
} {
  if (verdict === 'fallen') return { kind: 'bad', word: 'Worse' };
  if (lastAt === null) return { kind: 'off', word: 'No predictions' };
  if (verdict === 'steady') return { kind: 'ok', word: 'Steady' };
  return { kind: 'unknown', word: 'Learning' };
}

const keySnippet = 'npm run -s cli -- keys create --name model --scopes ingest --json';
/** How predictions and labels are sent, by curl. */
export function sendSnippets(
  origin: string,
  model: string,
  features: readonly { name: string; kind: 'numeric' | 'categorical' }[],
): { title: string; text: string }[] {
  const values = Object.fromEntries(
    features.slice(0, 4).map(({ name, kind }) => [name, kind === 'numeric' ? 12.5 : 'a']),
  );
  const quoted = (body: object) => JSON.stringify(body).replaceAll("'", "'\\''");
  const post = (procedure: string, body: object) =>
    [
      `curl ${origin}/api/trpc/${procedure} \\`,
      '  -H "Authorization: Bearer $WHEELHOUSE_KEY" \\',
      '  -H "Content-Type: application/json" \\',
      `  -d '${quoted(body)}'`,
    ].join('\n');
  return [
    { title: 'A key that may send', text: keySnippet },
    {
      title: 'Predictions',
      text: post('models.predictions', {
        model,
        predictions: [{ id: 'order-1', features: values, prediction: '1', score: 0.87 }],
      }),
    },
    {
      title: 'Labels, when it is known what was true',
      text: post('models.labels', { model, labels: [{ id: 'order-1', label: '0' }] }),
    },
  ];
}
