'use client';

import { useId } from 'react';
import { count } from '../format/number.ts';
import { Field } from '../ui/field.tsx';
import { Input, Select } from '../ui/input.tsx';
import type { MappedFeature, Understood } from './column-map.ts';

/** Lists of more columns are typed into, as each feature has one. */
const MAX_LISTED = 300;
const kindWords = { numeric: 'numbers', categorical: 'texts' } as const;
export const typeWords = {
  numeric: 'numbers',
  categorical: 'texts',
  time: 'times',
  mixed: 'numbers and texts',
  empty: 'nothing',
} as const;

/** For each feature of the model its column in the file. */
export function ColumnFields(props: {
  preview: Understood;
  features: readonly MappedFeature[];
  /** Of the server, at the feature. */
  faultOf(feature: string): string | undefined;
  onChoose(feature: string, column: string): void;
}) {
  const { preview, features, faultOf, onChoose } = props;
  const listId = useId();
  const { columns } = preview;
  const typed = columns.length > MAX_LISTED;
  const found = features.filter(({ column }) => column !== '').length;
  const absent = features.length - found;
  return (
    <fieldset className="grid grid-cols-[minmax(0,1fr)] gap-3">
      <legend className="mb-1 font-medium text-14">Columns of the features</legend>
      <p className="text-13 text-muted" aria-live="polite">
        {found} of {count(features.length, 'feature')} {found === 1 ? 'has' : 'have'} a column.
        {absent > 0
          ? ` Without one a feature is not in the reference, and no monitor compares it.`
          : ''}
      </p>
      <div className="grid items-start gap-x-4 gap-y-3 sm:grid-cols-2">
        {features.map(({ name, kind, column, fault, warning }) => {
          const error = fault ?? faultOf(name);
          return (
            <Field
              key={name}
              label={`${name} (${kindWords[kind]})`}
              error={error}
              help={warning ? <span className="text-warn-text">{warning}</span> : undefined}
            >
              {(control) =>
                typed ? (
                  <Input
                    {...control}
                    list={listId}
                    value={column}
                    placeholder="Not in the file"
                    autoComplete="off"
                    spellCheck={false}
                    onChange={({ target }) => onChoose(name, target.value)}
                  />
                ) : (
                  <Select
                    {...control}
                    value={column}
                    onChange={({ target }) => onChoose(name, target.value)}
                  >
                    <option value="">Not in the file</option>
                    {fault !== null && !columns.some((one) => one.name === column) ? (
                      <option value={column}>{column}</option>
                    ) : null}
                    {columns.map((one) => (
                      <option key={one.name} value={one.name}>
                        {one.name} – {typeWords[one.type]}
                      </option>
                    ))}
                  </Select>
                )
              }
            </Field>
          );
        })}
      </div>
      {typed ? (
        <datalist id={listId}>
          {columns.map(({ name, type }) => (
            <option key={name} value={name}>
              {typeWords[type]}
            </option>
          ))}
        </datalist>
      ) : null}
    </fieldset>
  );
}
