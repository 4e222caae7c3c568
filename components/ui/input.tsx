import type { ComponentProps } from 'react';
import { cx } from './cx.ts';

const frame =
  'w-full rounded-control border border-line-control bg-surface text-text placeholder:text-faint ' +
  'aria-invalid:border-bad disabled:opacity-60 focus-visible:outline-offset-0';
const control = `${frame} text-14`;

export function Input({ className, ...rest }: ComponentProps<'input'>) {
  return <input {...rest} className={cx(control, 'h-9 px-3', className)} />;
}

/** The platform's own list: keyboard, screen reader and thumb all know it. */
export function Select({ className, ...rest }: ComponentProps<'select'>) {
  return <select {...rest} className={cx(control, 'h-9 px-2', className)} />;
}

/** Several lines; `code` for what is written in a monospaced face. */
export function Textarea({ code, ...rest }: ComponentProps<'textarea'> & { code?: boolean }) {
  return (
    <textarea
      {...rest}
      {...(code ? { spellCheck: false } : {})}
      className={cx(frame, 'px-3 py-2', code ? 'font-mono text-12' : 'text-14')}
    />
  );
}
