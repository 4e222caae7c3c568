import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { ms } from '../../../../components/queries/words.ts';
import type { DatabaseTest } from '../../../../server/queries/contract.ts';

/** What a trial connection saw, with what is missing. */
export function TestResult({ result }: { result: DatabaseTest }) {
  const lacking = result.setup.filter(({ state }) => state === 'missing' || state === 'warning');
  return (
    <>
      <span className="flex flex-wrap items-center gap-2">
        <StatusBadge kind={result.ok ? 'ok' : 'bad'} word={result.ok ? 'Connected' : 'Failed'} />
        <span className="text-12 text-muted tabular-nums">{ms(result.tookMs)}</span>
      </span>
      <p className="break-words">{result.detail}</p>
      {result.ok && lacking.length > 0 ? (
        <ul className="list-disc pl-4 text-muted">
          {lacking.map(({ id, title, detail }) => (
            <li key={id} className="break-words">
              {title}: {detail}
            </li>
          ))}
        </ul>
      ) : null}
    </>
  );
}
