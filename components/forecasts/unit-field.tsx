'use client';

import type { Unit } from '../../server/forecasts/contract.ts';
import { Field } from '../ui/field.tsx';
import { Select } from '../ui/input.tsx';
import { unitWords } from './units.ts';

/** How the values of a series are written; empty: as the name of its metric has it. */
export function UnitField(props: {
  form: {
    bind(field: 'unit'): Pick<React.ComponentProps<'select'>, 'value' | 'onChange' | 'onBlur'>;
    errorOf(field: 'unit'): string | undefined;
  };
  units: readonly Unit[];
}) {
  const { form, units } = props;
  return (
    <Field label="Written as" error={form.errorOf('unit')}>
      {(control) => (
        <Select {...control} {...form.bind('unit')}>
          <option value="">As the metric’s name has it</option>
          {units.map((unit) => (
            <option key={unit} value={unit}>
              {unitWords[unit]}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}
