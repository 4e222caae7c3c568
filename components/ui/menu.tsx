'use client';

import { DropdownMenu as Radix } from 'radix-ui';
import type { ReactNode } from 'react';
import { cx } from './cx.ts';

/** A button that opens a list of actions. `trigger` is the button itself. */
export function Menu(props: { trigger: ReactNode; children: ReactNode; defaultOpen?: boolean }) {
  const { trigger, children, defaultOpen = false } = props;
  return (
    <Radix.Root modal={false} defaultOpen={defaultOpen}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          align="end"
          sideOffset={6}
          collisionPadding={8}
          className="z-50 min-w-48 animate-fade rounded-card border border-line-strong bg-surface p-1 shadow-float"
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

const item =
  'flex h-8 items-center gap-2 rounded-control px-2 text-13 outline-none select-none data-highlighted:bg-hover data-disabled:opacity-50';

export function MenuItem(props: {
  onSelect(): void;
  children: ReactNode;
  disabled?: boolean;
  danger?: boolean;
}) {
  return (
    <Radix.Item
      disabled={props.disabled ?? false}
      onSelect={props.onSelect}
      className={cx(item, props.danger && 'text-bad-text')}
    >
      {props.children}
    </Radix.Item>
  );
}

/** One of several, with a mark on the one in effect. */
export function MenuChoice<T extends string>(props: {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange(value: T): void;
}) {
  return (
    <Radix.RadioGroup
      value={props.value}
      aria-label={props.label}
      onValueChange={(next) => {
        const option = props.options.find(({ value }) => value === next);
        if (option) props.onChange(option.value);
      }}
    >
      <Radix.Label className="px-2 pt-1.5 pb-1 text-12 text-muted">{props.label}</Radix.Label>
      {props.options.map(({ value, label }) => (
        <Radix.RadioItem key={value} value={value} className={cx(item, 'justify-between')}>
          {label}
          <Radix.ItemIndicator>
            <span aria-hidden className="block size-1.5 rounded-full bg-accent-text" />
          </Radix.ItemIndicator>
        </Radix.RadioItem>
      ))}
    </Radix.RadioGroup>
  );
}

export function MenuSeparator() {
  return <Radix.Separator className="-mx-1 my-1 border-t" />;
}
