'use client';

import type { ReactNode } from 'react';
import type { FieldError } from '../../server/api/contract.ts';
import type { Aggregation } from '../../server/metrics/contract.ts';
import { Chips } from '../ui/chips.tsx';
import { Field } from '../ui/field.tsx';
import { Select } from '../ui/input.tsx';
import { type Draft, emptyDraft } from './draft.ts';
import { FilterRows } from './filter-rows.tsx';
import { MetricPicker } from './metric-picker.tsx';
import { autoStep, type Range, stepChoices } from './range.ts';
import { SourceSelect } from './source-select.tsx';
import { aggregationWords, firstAggregation } from './units.ts';
import { useMetricDetail } from './use-metric.ts';

// `Record<Aggregation, …>` has each of them as a key.
const aggregationOptions = (Object.keys(aggregationWords) as Aggregation[]).map((value) => ({
  value,
  label: aggregationWords[value],
}));

/** As the contract has it; labels of other servers are written, not chosen. */
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_.\-/]{0,127}$/;

function errorAt(errors: readonly FieldError[], field: string): string | undefined {
  return errors.find(({ path }) => path === field || path.startsWith(`${field}.`))?.message;
}

/** Builds a query by hand. Used by Explore and by the panels of dashboards. */
export function QueryBuilder(props: {
  draft: Draft;
  range: Range;
  /** Of the server, by field. */
  errors: readonly FieldError[];
  onChange(draft: Draft): void;
  /** At the end of the last row. */
  aside?: ReactNode;
}) {
  const { draft, range, errors, onChange, aside } = props;
  const detail = useMetricDetail(draft.sourceId ? '' : draft.metric);
  const shown = detail.data?.metric === draft.metric ? detail.data : undefined;
  const labels = shown?.labels.map(({ name }) => name) ?? [];
  const groups = [...new Set([...labels, ...draft.groupBy.filter((name) => name !== '*')])];
  const steps = stepChoices(range);
  const chosen =
    draft.step === 'auto' || steps.includes(draft.step) ? steps : [draft.step, ...steps];
  return (
    <div className="grid gap-4">
      <div className="flex flex-wrap items-start gap-4">
        <SourceSelect
          value={draft.sourceId}
          onChange={(sourceId) => onChange({ ...emptyDraft, sourceId })}
        />
        <div className="min-w-full flex-1 sm:min-w-60">
          <MetricPicker
            sourceId={draft.sourceId}
            value={draft.metric}
            help={
              shown
                ? [shown.kind === 'unknown' ? '' : shown.kind, shown.unit, shown.help]
                    .filter(Boolean)
                    .join(' · ')
                : undefined
            }
            error={
              errorAt(errors, 'metric') ??
              (detail.isError && draft.metric ? 'There is no such metric.' : undefined)
            }
            onChoose={(metric, kind) => {
              if (metric === draft.metric) return;
              onChange({
                ...draft,
                metric,
                aggregations: [firstAggregation(metric, kind)],
                groupBy: [],
                filters: [],
              });
            }}
          />
        </div>
        <div className="w-44">
          <Field label="Step" error={errorAt(errors, 'step')}>
            {(control) => (
              <Select
                {...control}
                value={draft.step}
                onChange={({ target }) => onChange({ ...draft, step: target.value })}
              >
                <option value="auto">Automatic ({autoStep(range)})</option>
                {chosen.map((step) => (
                  <option key={step} value={step}>
                    {step}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        </div>
      </div>
      <div className="grid gap-4 md:grid-cols-2">
        <div>
          <Chips
            label="Show"
            add="Add …"
            least={1}
            values={draft.aggregations}
            options={aggregationOptions}
            onChange={(aggregations) => onChange({ ...draft, aggregations })}
          />
          <Fault text={errorAt(errors, 'aggregations')} />
        </div>
        <div>
          <Chips
            label="Group by"
            add="Add label …"
            values={draft.groupBy}
            options={[
              { value: '*', label: 'every series' },
              ...groups.map((value) => ({ value, label: value })),
            ]}
            onChange={(groupBy) => onChange({ ...draft, groupBy })}
            {...(draft.sourceId
              ? { free: (text: string) => (LABEL.test(text) ? text : null) }
              : {})}
          />
          <Fault text={errorAt(errors, 'groupBy')} />
        </div>
      </div>
      <FilterRows
        metric={draft.metric}
        detail={shown}
        filters={draft.filters}
        errors={errors}
        onChange={(filters) => onChange({ ...draft, filters })}
        aside={aside}
      />
    </div>
  );
}

function Fault({ text }: { text: string | undefined }) {
  return text ? (
    <p role="alert" className="mt-1 text-13 text-bad-text">
      {text}
    </p>
  ) : null;
}
