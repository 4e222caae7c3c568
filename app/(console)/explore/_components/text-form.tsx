'use client';

import { type KeyboardEvent, type ReactNode, useId, useState } from 'react';
import { type Draft, draftOf, queryOf } from '../../../../components/metrics/draft.ts';
import type { Range } from '../../../../components/metrics/range.ts';
import { Button } from '../../../../components/ui/button.tsx';
import type { FieldError } from '../../../../server/api/contract.ts';
import { type ParsedQuery, querySchema } from '../../../../server/metrics/contract.ts';

type Read = { query: ParsedQuery } | { faults: string[] };

/** JSON as `metrics.query` takes it; every fault with its place. */
function read(text: string): Read {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { faults: [`Not JSON: ${error instanceof Error ? error.message : 'unreadable'}`] };
  }
  const parsed = querySchema.safeParse(value);
  if (parsed.success) return { query: parsed.data };
  return {
    faults: parsed.error.issues.map(({ path, message }) =>
      path.length > 0 ? `${path.map(String).join('.')}: ${message}` : message,
    ),
  };
}

const written = (draft: Draft, range: Range) => JSON.stringify(queryOf(draft, range), null, 2);

/** The query as text, in step with the form: what is valid is asked at once. */
export default function TextForm(props: {
  draft: Draft;
  range: Range;
  errors: readonly FieldError[];
  onChange(next: { draft: Draft; range: Range }): void;
  aside?: ReactNode;
}) {
  const { draft, range, errors, onChange, aside } = props;
  const id = useId();
  const current = written(draft, range);
  const [text, setText] = useState(current);
  const [base, setBase] = useState(current);
  const [faults, setFaults] = useState<readonly string[]>([]);
  // Changed elsewhere, by the range or a link: what was typed gives way unless it says the same.
  if (base !== current) {
    setBase(current);
    const typed = read(text);
    const same =
      'query' in typed &&
      written(draftOf(typed.query).draft, draftOf(typed.query).range) === current;
    if (!same) {
      setText(current);
      setFaults([]);
    }
  }
  const apply = () => {
    const result = read(text);
    if ('faults' in result) return setFaults(result.faults);
    setFaults([]);
    onChange(draftOf(result.query));
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      apply();
    }
  };
  const told =
    faults.length > 0 ? faults : errors.map(({ path, message }) => `${path}: ${message}`);
  return (
    <div className="grid gap-1.5">
      <label htmlFor={id} className="font-medium text-13">
        Query as JSON
      </label>
      <textarea
        id={id}
        value={text}
        rows={Math.min(24, Math.max(8, text.split('\n').length))}
        spellCheck={false}
        aria-invalid={told.length > 0 || undefined}
        aria-describedby={`${id}-note`}
        onChange={({ target }) => setText(target.value)}
        onBlur={apply}
        onKeyDown={onKey}
        className="w-full rounded-control border border-line-control bg-surface p-3 font-mono text-12 focus-visible:outline-offset-0 aria-invalid:border-bad"
      />
      <div id={`${id}-note`} aria-live="polite" className="text-13">
        {told.length > 0 ? (
          <ul className="text-bad-text">
            {told.map((fault) => (
              <li key={fault}>{fault}</li>
            ))}
          </ul>
        ) : (
          <p className="text-muted">As metrics.query takes it. Ctrl-Enter asks.</p>
        )}
      </div>
      <div className="flex items-center justify-between gap-2">
        <Button look="primary" onClick={apply}>
          Ask
        </Button>
        {aside}
      </div>
    </div>
  );
}
