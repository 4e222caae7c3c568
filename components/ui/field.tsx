'use client';

import { type ReactNode, useId } from 'react';

type FieldProps = {
  label: string;
  help?: ReactNode;
  error?: string | undefined;
  /** Gets the id and the descriptions to put on the control. */
  children(control: {
    id: string;
    'aria-describedby': string | undefined;
    'aria-invalid': true | undefined;
  }): ReactNode;
};

/** Label above, help below, the error at the field in plain words. */
export function Field({ label, help, error, children }: FieldProps) {
  const id = useId();
  const note = error ?? help;
  return (
    <div className="grid gap-1.5">
      <label htmlFor={id} className="font-medium text-13">
        {label}
      </label>
      {children({
        id,
        'aria-describedby': note ? `${id}-note` : undefined,
        'aria-invalid': error ? true : undefined,
      })}
      {note ? (
        <p
          id={`${id}-note`}
          className={error ? 'text-13 text-bad-text' : 'text-13 text-muted'}
          aria-live="polite"
        >
          {note}
        </p>
      ) : null}
    </div>
  );
}
