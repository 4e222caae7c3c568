'use client';

import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import {
  type Draft,
  draftOf,
  emptyDraft,
  queryOf,
} from '../../../../../components/metrics/draft.ts';
import { panelQuery } from '../../../../../components/metrics/new-panel.ts';
import { PanelView } from '../../../../../components/metrics/panel-view.tsx';
import { QueryBuilder } from '../../../../../components/metrics/query-builder.tsx';
import type { Range } from '../../../../../components/metrics/range.ts';
import { type Unit, unitOf, unitWords } from '../../../../../components/metrics/units.ts';
import { useMetricDetail, useMetricQuery } from '../../../../../components/metrics/use-metric.ts';
import { trpc } from '../../../../../components/trpc/client.ts';
import { failureOf } from '../../../../../components/trpc/errors.ts';
import { Button } from '../../../../../components/ui/button.tsx';
import { Dialog } from '../../../../../components/ui/dialog.tsx';
import { Field } from '../../../../../components/ui/field.tsx';
import { Input, Select } from '../../../../../components/ui/input.tsx';
import type { Panel } from '../../../../../server/dashboards/contract.ts';

const visualWords: Readonly<Record<Panel['visual'], string>> = {
  line: 'Lines',
  area: 'Areas',
  bar: 'Bars',
  stat: 'Latest figure',
  table: 'Table of figures',
};
// `Record<Unit, …>` and `Record<Panel['visual'], …>` have each of them as a key.
const units = Object.keys(unitWords) as Unit[];
const visuals = Object.keys(visualWords) as Panel['visual'][];

/** A saved query to begin with. */
function SavedChoice({ onChoose }: { onChoose(draft: Draft): void }) {
  const items = useQuery(trpc.metrics.saved.list.queryOptions()).data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <Field label="Begin with a saved query" help="Or choose a metric below.">
      {(control) => (
        <Select
          {...control}
          value=""
          onChange={({ target }) => {
            const item = items.find(({ id }) => id === target.value);
            if (item) onChoose(draftOf(item.query).draft);
          }}
        >
          <option value="">Choose …</option>
          {items.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

/** What a panel asks and how it shows it, with a preview. */
export default function PanelSheet(props: {
  panel: Panel;
  isNew: boolean;
  range: Range;
  onApply(panel: Panel): void;
  onClose(): void;
}) {
  const { panel, isNew, range, onApply, onClose } = props;
  const [draft, setDraft] = useState(() =>
    isNew && !panel.query.metric ? emptyDraft : draftOf(panel.query).draft,
  );
  const [title, setTitle] = useState(panel.title);
  const [visual, setVisual] = useState(panel.visual);
  const [unit, setUnit] = useState<Unit | null>(isNew ? null : panel.unit);
  const detail = useMetricDetail(draft.sourceId ? '' : draft.metric);
  const found = unitOf(draft.metric, detail.data?.unit ?? '', draft.aggregations[0] ?? 'avg');
  const next: Panel = {
    ...panel,
    title: title.trim(),
    visual,
    unit: unit ?? found,
    query: panelQuery(draft),
  };
  const answer = useMetricQuery(draft.metric ? queryOf(draft, range) : null, { follow: false });
  const failure = answer.error ? failureOf(answer.error) : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!draft.metric) return;
    onApply(next);
    onClose();
  };
  return (
    <Dialog
      open
      as="sheet"
      title={isNew ? 'Add a panel' : `Edit ${panel.title || panel.query.metric}`}
      description="Nothing is stored before the dashboard is saved."
      onOpenChange={onClose}
    >
      <form noValidate onSubmit={submit} className="grid gap-4">
        {draft.metric ? (
          <div className="h-56 rounded-card border bg-canvas p-3">
            <PanelView panel={next} range={range} seen />
          </div>
        ) : null}
        {isNew ? <SavedChoice onChoose={setDraft} /> : null}
        <QueryBuilder
          draft={draft}
          range={range}
          errors={failure?.fields ?? []}
          onChange={setDraft}
        />
        <Field label="Title" help="The metric's name when empty.">
          {(control) => (
            <Input
              {...control}
              value={title}
              maxLength={100}
              autoComplete="off"
              onChange={({ target }) => setTitle(target.value)}
            />
          )}
        </Field>
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Shown as">
            {(control) => (
              <Select
                {...control}
                value={visual}
                onChange={({ target }) =>
                  setVisual(visuals.find((each) => each === target.value) ?? 'line')
                }
              >
                {visuals.map((each) => (
                  <option key={each} value={each}>
                    {visualWords[each]}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          <Field label="Unit">
            {(control) => (
              <Select
                {...control}
                value={unit ?? found}
                onChange={({ target }) =>
                  setUnit(units.find((each) => each === target.value) ?? null)
                }
              >
                {units.map((each) => (
                  <option key={each} value={each}>
                    {unitWords[each]}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        </div>
        <div className="sticky bottom-[-16px] -mx-5 -mb-4 flex justify-end gap-2 border-t bg-surface px-5 py-3">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={!draft.metric}>
            {isNew ? 'Add panel' : 'Apply'}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
