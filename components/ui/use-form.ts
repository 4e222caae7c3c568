'use client';

import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { failureOf } from '../trpc/errors.ts';

type Faults<V> = Partial<Record<keyof V, string>>;

/**
 * A form in a sheet: what stands in the fields, faults at a field once it was left, those of the server beside them,
 * and a question before changes are dropped.
 */
export function useForm<V extends Record<string, unknown>, Input, Answer>(options: {
  before: V;
  /** Checked as the server will check it. */
  check(values: V): { input: Input | null; faults: Faults<V> };
  save(input: Input): Promise<Answer>;
  /** Which field an error of the server belongs to; its first part by default. */
  fieldOf?(path: string): string | undefined;
  onSaved(answer: Answer, values: V): void | Promise<void>;
  onClose(): void;
}) {
  const { before, check, onClose } = options;
  const fieldOf = options.fieldOf ?? ((path: string) => path.split('.')[0]);
  const [values, setValues] = useState(before);
  const [touched, setTouched] = useState<Partial<Record<keyof V, boolean>>>({});
  const [asked, setAsked] = useState(false);
  const { input, faults } = check(values);
  const save = useMutation({
    mutationFn: async () => {
      if (input === null) throw new Error('invalid');
      return options.save(input);
    },
    onSuccess: (answer) => options.onSaved(answer, values),
  });
  const failure = save.error ? failureOf(save.error) : null;
  const set = (change: Partial<V>) => {
    save.reset();
    setValues((now) => ({ ...now, ...change }));
  };
  return {
    values,
    set,
    /** For a control that holds text. */
    bind: <F extends keyof V & string>(field: F) => ({
      value: String(values[field]),
      onChange: ({ target }: { target: { value: string } }) =>
        // Controls of text hold text.
        set({ [field]: target.value } as Partial<V>),
      onBlur: () => setTouched((now) => ({ ...now, [field]: true })),
    }),
    errorOf: (field: keyof V & string): string | undefined =>
      failure?.fields.find(({ path }) => fieldOf(path) === field)?.message ??
      (touched[field] ? faults[field] : undefined),
    submit: (event: FormEvent) => {
      event.preventDefault();
      const all: Partial<Record<keyof V, boolean>> = {};
      for (const field of Object.keys(values)) all[field as keyof V] = true;
      setTouched(all);
      if (input !== null) save.mutate();
    },
    close: () => {
      if (JSON.stringify(values) !== JSON.stringify(before) && !asked) setAsked(true);
      else onClose();
    },
    /** For `FormEnd`. */
    end: { busy: save.isPending, failure, asked },
    answer: save.data,
  };
}
