'use client';

import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { failureOf } from '../trpc/errors.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field } from '../ui/field.tsx';
import { Input } from '../ui/input.tsx';

/** Asks for a name and saves under it; what `save` refuses is shown at the field. */
export function NameDialog<T>(props: {
  title: string;
  description?: string;
  /** On the button. */
  label: string;
  initial: string;
  save(name: string): Promise<T>;
  onSaved(result: T, name: string): void;
  onClose(): void;
}) {
  const { title, description, label, initial, onSaved, onClose } = props;
  const [name, setName] = useState(initial);
  const [touched, setTouched] = useState(false);
  const save = useMutation({
    mutationFn: () => props.save(name),
    onSuccess: (result) => onSaved(result, name.trim()),
  });
  const failure = save.error ? failureOf(save.error) : null;
  const empty = touched && !name.trim() ? 'Give it a name' : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTouched(true);
    if (name.trim()) save.mutate();
  };
  return (
    <Dialog
      open
      title={title}
      {...(description === undefined ? {} : { description })}
      onOpenChange={onClose}
    >
      <form noValidate onSubmit={submit} className="grid gap-4">
        <Field
          label="Name"
          error={failure ? (failure.fields[0]?.message ?? failure.message) : empty}
        >
          {(control) => (
            <Input
              {...control}
              value={name}
              maxLength={100}
              autoComplete="off"
              onChange={({ target }) => {
                save.reset();
                setName(target.value);
              }}
            />
          )}
        </Field>
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={save.isPending}>
            {label}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
