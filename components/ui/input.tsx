import type { ComponentProps } from 'react';
import { cx } from './cx.ts';

const control =
  'w-full rounded-control border border-line-control bg-surface text-14 text-text placeholder:text-faint ' +
  'aria-invalid:border-bad disabled:opacity-60 focus-visible:outline-offset-0';

export function Input({ className, ...rest }: ComponentProps<'input'>) {
  return <input {...rest} className={cx(control, 'h-9 px-3', className)} />;
}

/** The platform's own list: keyboard, screen reader and thumb all know it. */
export function Select({ className, ...rest }: ComponentProps<'select'>) {
  return <select {...rest} className={cx(control, 'h-9 px-2', className)} />;
}
