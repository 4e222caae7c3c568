'use client';

import { useMutation } from '@tanstack/react-query';
import dynamic from 'next/dynamic';
import { type FormEvent, useState } from 'react';
import { StatusBadge } from '../../../../../components/data/status-badge.tsx';
import { formatNumber } from '../../../../../components/format/number.ts';
import { analyzeLimits } from '../../../../../components/queries/words.ts';
import { useAllowed } from '../../../../../components/shell/use-me.ts';
import { api } from '../../../../../components/trpc/client.ts';
import { failureOf } from '../../../../../components/trpc/errors.ts';
import { Button } from '../../../../../components/ui/button.tsx';
import { Input } from '../../../../../components/ui/input.tsx';
import { Skeleton } from '../../../../../components/ui/skeleton.tsx';
import type { StatementDetail } from '../../../../../server/queries/contract.ts';

const PlanTree = dynamic(
  () => import('../../../../../components/queries/plan-tree.tsx').then((m) => m.PlanTree),
  { ssr: false, loading: () => <Skeleton className="h-40" /> },
);

/** Highest `$n` that stands outside quotes. */
function parametersOf(text: string): number {
  const bare = text.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\//g, '');
  return Math.max(0, ...[...bare.matchAll(/\$(\d{1,3})/g)].map(([, n]) => Number(n)));
}
const givenValue = (text: string): string | null =>
  text.trim().toUpperCase() === 'NULL' ? null : text;

function Values(props: {
  count: number;
  values: readonly string[];
  onChange(values: string[]): void;
}) {
  const { count, values, onChange } = props;
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1 text-12 text-muted">
        Values. Without them it is planned for any value; NULL stands for no value.
      </legend>
      <div className="grid grid-cols-1 gap-2 sm:grid-cols-2 lg:grid-cols-4">
        {Array.from({ length: Math.min(count, 40) }, (_, n) => `$${n + 1}`).map((name, n) => (
          <div key={name} className="flex items-center gap-2 text-12">
            <code aria-hidden className="w-8 shrink-0 text-right font-mono">
              {name}
            </code>
            <Input
              aria-label={`Value of ${name}`}
              className="h-8 font-mono text-12"
              maxLength={10_000}
              autoComplete="off"
              value={values[n] ?? ''}
              onChange={({ target }) =>
                onChange(
                  Array.from({ length: count }, (_, at) =>
                    at === n ? target.value : (values[at] ?? ''),
                  ),
                )
              }
            />
          </div>
        ))}
      </div>
    </fieldset>
  );
}

/** EXPLAIN, and ANALYZE for what is proved to do no harm. */
export function PlanPanel({
  statement,
}: {
  statement: Pick<StatementDetail, 'databaseId' | 'text' | 'truncated'>;
}) {
  const { databaseId, text, truncated } = statement;
  const operator = useAllowed('operator');
  const wanted = parametersOf(text);
  const [values, setValues] = useState<string[]>([]);
  const given = values.some((value) => value !== '');
  const explain = useMutation({
    mutationFn: (analyze: boolean) =>
      api.queries.explain.query({
        databaseId,
        sql: text,
        analyze,
        ...(given
          ? { params: Array.from({ length: wanted }, (_, n) => givenValue(values[n] ?? '')) }
          : {}),
      }),
  });
  const { data: answer } = explain;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    explain.mutate(false);
  };
  return (
    <section aria-labelledby="plan" className="mb-4">
      <h2 id="plan" className="mb-2 font-medium text-14">
        Plan
      </h2>
      {operator === false ? (
        <p className="text-13 text-muted">To have a statement explained needs the role operator.</p>
      ) : truncated ? (
        <p className="text-13 text-muted">
          Only the beginning of this statement is kept, so it cannot be explained.
        </p>
      ) : (
        <form onSubmit={submit} className="mb-3 grid gap-3 rounded-card border bg-surface p-3.5">
          {wanted > 0 && wanted <= 100 ? (
            <Values count={wanted} values={values} onChange={setValues} />
          ) : null}
          <div className="flex flex-wrap items-center gap-2">
            <Button type="submit" look="primary" busy={explain.isPending}>
              Explain
            </Button>
            <Button
              busy={explain.isPending}
              disabled={wanted > 0 && !given}
              onClick={() => explain.mutate(true)}
            >
              Run it and measure
            </Button>
          </div>
          <p className="max-w-[80ch] text-12 text-muted">
            Explain asks for the plan and runs nothing. Run it and measure is EXPLAIN ANALYZE: the
            statement runs once, in a transaction that may only read, for{' '}
            {analyzeLimits.timeoutMs / 1_000} s at most; and only when it is a SELECT whose every
            function is known to change nothing, with an expected cost of at most{' '}
            {formatNumber(analyzeLimits.cost)} and {formatNumber(analyzeLimits.rows)} rows.
          </p>
        </form>
      )}
      {explain.error ? (
        <p role="alert" className="mb-3 text-13 text-bad-text">
          {failureOf(explain.error).message}
        </p>
      ) : null}
      <div aria-live="polite">
        {answer?.refused ? (
          <p className="mb-3 flex flex-wrap items-center gap-2 text-13">
            <StatusBadge kind="warn" word="Refused" /> {answer.refused}
          </p>
        ) : null}
        {answer?.notes.map((note) => (
          <p key={note} className="mb-3 text-12 text-muted">
            {note}
          </p>
        ))}
      </div>
      {answer?.plan ? <PlanTree answer={answer} /> : null}
    </section>
  );
}
