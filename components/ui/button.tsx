import type { ComponentProps } from 'react';
import { cx } from './cx.ts';

const looks = {
  primary: 'bg-accent text-on-accent hover:bg-accent-hover',
  secondary: 'border border-line-strong bg-surface text-text hover:bg-hover',
  ghost: 'text-muted hover:bg-hover hover:text-text',
  danger: 'bg-bad text-on-accent hover:bg-bad-hover',
} as const;
const sizes = {
  md: 'h-8 px-3 text-13',
  lg: 'h-10 px-4 text-14',
  icon: 'size-8 justify-center',
} as const;

type ButtonProps = ComponentProps<'button'> & {
  look?: keyof typeof looks;
  size?: keyof typeof sizes;
  /** The action is under way: it cannot be pressed again, and its width stays. */
  busy?: boolean;
};

export function Button({ look = 'secondary', size = 'md', busy, className, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      aria-busy={busy || undefined}
      disabled={rest.disabled || busy}
      className={cx(buttonClass(look, size), busy && 'opacity-70', className)}
    />
  );
}

/** For links that look like buttons. */
export function buttonClass(look: keyof typeof looks, size: keyof typeof sizes = 'md'): string {
  return cx(
    'inline-flex shrink-0 items-center justify-center gap-2 whitespace-nowrap rounded-control font-medium transition-colors duration-120',
    'disabled:cursor-not-allowed disabled:opacity-60',
    looks[look],
    sizes[size],
  );
}
