'use client';

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { useDebounced } from '../../../../components/data/use-debounced.ts';
import { count, formatNumber } from '../../../../components/format/number.ts';
import { trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import type { Preview, RuleInput } from '../../../../server/policies/contract.ts';

const SHOWN = 8;

function Changes({ preview }: { preview: Preview }) {
  const { looked, calls, changed, changedCalls, items } = preview;
  if (looked === 0) return <p className="text-13 text-muted">No decision was recorded yet.</p>;
  if (changed === 0) {
    return (
      <p className="text-13">
        Nothing of the last {count(calls, 'recorded call')} would have been decided otherwise.
      </p>
    );
  }
  return (
    <>
      <p className="text-13">
        {formatNumber(changedCalls)} of the last {count(calls, 'recorded call')} would have been
        decided otherwise:
      </p>
      <ul className="grid gap-1.5">
        {items.slice(0, SHOWN).map((each) => (
          <li key={`${each.subject} ${each.tool} ${each.scope}`} className="text-13">
            <span className={each.after ? 'text-ok-text' : 'text-bad-text'}>
              {each.after ? 'Allowed' : 'Denied'}
            </span>{' '}
            <span title={each.subject} className="break-all font-medium">
              {each.subjectName}
            </span>{' '}
            <code className="break-all font-mono text-12">{each.tool}</code>
            {each.scope === '*' ? null : (
              <>
                {' '}
                in <code className="break-all font-mono text-12">{each.scope}</code>
              </>
            )}
            , {count(each.count, 'call')}, last <RelativeTime at={each.lastAt} />
          </li>
        ))}
      </ul>
      {changed > SHOWN ? (
        <p className="text-13 text-muted">
          and {count(changed - SHOWN, 'more kind', 'more kinds')} of call.
        </p>
      ) : null}
    </>
  );
}

/** What the rule would change, from the decisions that were recorded; nothing is saved for it. */
export function RulePreview({ rule, id }: { rule: RuleInput | null; id: string | null }) {
  const text = useDebounced(rule ? JSON.stringify(rule) : '');
  // What was put in above comes out.
  const settled = text === '' ? null : (JSON.parse(text) as RuleInput);
  const preview = useQuery(
    trpc.policies.preview.queryOptions(
      {
        rule: settled ?? { name: 'x', subject: '*', tool: '*', effect: 'deny' },
        ...(id ? { id } : {}),
      },
      { enabled: settled !== null, placeholderData: keepPreviousData, retry: false },
    ),
  );
  return (
    <section
      aria-label="What would change"
      aria-live="polite"
      className="grid gap-2 rounded-card border bg-canvas p-3.5"
    >
      <h3 className="font-medium text-13">What would change</h3>
      {settled === null ? (
        <p className="text-13 text-muted">Fill in who and which tool to see it.</p>
      ) : preview.error ? (
        <p className="text-13 text-bad-text">{failureOf(preview.error).message}</p>
      ) : preview.data ? (
        <Changes preview={preview.data} />
      ) : (
        <p className="text-13 text-muted">Looking at recorded decisions…</p>
      )}
    </section>
  );
}
