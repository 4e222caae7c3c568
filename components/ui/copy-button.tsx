'use client';

import { Check, Copy } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button } from './button.tsx';
import { cx } from './cx.ts';

/** Copies `value`; says so where it was pressed. With `label` it shows words, else an icon. */
export function CopyButton(props: {
  /** Or what gives it when it is copied. */
  value: string | (() => string);
  what: string;
  label?: string;
  className?: string;
}) {
  const { value, what, label, className } = props;
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    await navigator.clipboard.writeText(typeof value === 'function' ? value() : value);
    setCopied(true);
  };
  const Icon = copied ? Check : Copy;
  return (
    <Button
      look={label ? 'secondary' : 'ghost'}
      size={label ? 'md' : 'icon'}
      className={cx(!label && 'size-6', className)}
      aria-label={label ? undefined : `Copy ${what}`}
      onClick={(event) => {
        event.stopPropagation();
        copy().catch(() => undefined);
      }}
    >
      <Icon aria-hidden className="size-3.5" />
      {label ? (copied ? 'Copied' : label) : null}
      <span className="sr-only" aria-live="polite">
        {copied ? `Copied ${what}` : ''}
      </span>
    </Button>
  );
}
