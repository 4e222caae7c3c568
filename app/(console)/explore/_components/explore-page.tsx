'use client';

import dynamic from 'next/dynamic';
import { useState } from 'react';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { useDebounced } from '../../../../components/data/use-debounced.ts';
import { type Draft, queryOf } from '../../../../components/metrics/draft.ts';
import { QueryBuilder } from '../../../../components/metrics/query-builder.tsx';
import { useMetricQuery } from '../../../../components/metrics/use-metric.ts';
import { useMe } from '../../../../components/shell/use-me.ts';
import { useStoreRange } from '../../../../components/shell/use-store-range.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { allows } from '../../../../components/trpc/role.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { CopyButton } from '../../../../components/ui/copy-button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { Query } from '../../../../server/metrics/contract.ts';
import { Result } from './result.tsx';
import { Start } from './start.tsx';
import { useExplore } from './use-explore.ts';

const TextForm = dynamic(() => import('./text-form.tsx'), {
  ssr: false,
  loading: () => <Skeleton className="h-64" />,
});
const SavedSheet = dynamic(() => import('./saved-sheet.tsx'), { ssr: false });
const DashboardDialog = dynamic(() => import('./dashboard-dialog.tsx'), { ssr: false });
const SaveDialog = dynamic(() => import('./save-dialog.tsx'), { ssr: false });

function HeaderActions(props: {
  query: Query | null;
  onOpen(): void;
  onSave(): void;
  onPut(): void;
}) {
  const me = useMe();
  const operator = me !== undefined && allows(me.role, 'operator');
  return (
    <>
      <Button onClick={props.onOpen}>Saved queries</Button>
      {props.query ? (
        <>
          {/* The URL holds everything; it is read when it is copied. */}
          <CopyLink />
          {operator ? (
            <>
              <Button onClick={props.onPut}>Add to dashboard</Button>
              <Button look="primary" onClick={props.onSave}>
                Save query
              </Button>
            </>
          ) : null}
        </>
      ) : null}
    </>
  );
}

function CopyLink() {
  return <CopyButton value={() => location.href} what="the link" label="Copy link" />;
}

function Sentence({ draft }: { draft: Draft }) {
  if (!draft.metric) return <>Ask the metric store, and see the answer as a chart and a table.</>;
  const by =
    draft.groupBy.length > 0 ? ` by ${draft.groupBy.join(', ').replace('*', 'series')}` : '';
  return (
    <span className="break-words">
      {draft.aggregations.join(', ')} of {draft.metric}
      {by}
    </span>
  );
}

/** Ask, look, compare, keep. */
export function ExplorePage() {
  const explore = useExplore();
  const { draft, setDraft } = explore;
  const { range, setRange } = useStoreRange();
  const [asText, setAsText] = useState(false);
  const [open, setOpen] = useState<'saved' | 'save' | 'put' | null>(null);
  const settled = useDebounced(draft);
  const query = settled.metric ? queryOf(settled, range) : null;
  const answer = useMetricQuery(query, { follow: 'relative' in range });
  const failure = answer.error ? failureOf(answer.error) : null;
  const faults = failure?.fields ?? [];
  const toggle = (
    <Button look="ghost" aria-pressed={asText} onClick={() => setAsText(!asText)}>
      {asText ? 'Build by hand' : 'Write as text'}
    </Button>
  );
  const adopt = (next: { draft: Draft; range: typeof range }) => {
    setDraft(next.draft);
    setRange(next.range);
  };
  return (
    <>
      <PageHeader
        title="Explore"
        state={<Sentence draft={draft} />}
        action={
          <HeaderActions
            query={query}
            onOpen={() => setOpen('saved')}
            onSave={() => setOpen('save')}
            onPut={() => setOpen('put')}
          />
        }
      />
      <section aria-label="Query" className="mb-3 rounded-card border bg-surface p-4">
        {asText ? (
          <TextForm draft={draft} range={range} errors={faults} onChange={adopt} aside={toggle} />
        ) : (
          <QueryBuilder
            draft={draft}
            range={range}
            errors={faults}
            onChange={setDraft}
            aside={toggle}
          />
        )}
      </section>
      {!query ? (
        <Start onOpen={adopt} />
      ) : failure && !answer.data ? (
        <ErrorPanel what="The answer" error={answer.error} onRetry={() => answer.refetch()} />
      ) : (
        <Result query={query} answer={answer} explore={explore} range={range} onRange={setRange} />
      )}
      {open === 'saved' ? <SavedSheet onOpen={adopt} onClose={() => setOpen(null)} /> : null}
      {open === 'put' ? (
        <DashboardDialog draft={draft} shape={explore.view.shape} onClose={() => setOpen(null)} />
      ) : null}
      {open === 'save' && query ? <SaveDialog query={query} onClose={() => setOpen(null)} /> : null}
    </>
  );
}
