'use client';

import { Field } from './field.tsx';
import { Input } from './input.tsx';

/** One line of a form: label, input, help or what is wrong. */
export function TextField<F extends string>(props: {
  form: {
    bind(field: F): Pick<React.ComponentProps<'input'>, 'value' | 'onChange' | 'onBlur'>;
    errorOf(field: F): string | undefined;
  };
  field: F;
  label: string;
  help?: string;
  number?: true;
}) {
  const { form, field, label, help, number } = props;
  return (
    <Field label={label} help={help} error={form.errorOf(field)}>
      {(control) => (
        <Input
          {...control}
          {...form.bind(field)}
          {...(number ? { type: 'number', step: 'any' } : {})}
          autoComplete="off"
          spellCheck={false}
        />
      )}
    </Field>
  );
}
