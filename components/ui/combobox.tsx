'use client';

import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import { cx } from './cx.ts';
import { Input } from './input.tsx';

export type Choice = { value: string; note?: string };

type ComboboxProps = {
  /** What is chosen. */
  value: string;
  choices: readonly Choice[];
  /** What is typed while it is open; the list is asked for by it. */
  onSearch(text: string): void;
  onChoose(value: string): void;
  placeholder?: string;
  /** Says why the list is empty. */
  empty: string;
  control: {
    id: string;
    'aria-describedby': string | undefined;
    'aria-invalid': true | undefined;
  };
};

/** A field that searches a long list. Arrow keys move, Enter chooses, Escape closes (ARIA 1.2 combobox). */
export function Combobox(props: ComboboxProps) {
  const { value, choices, onSearch, onChoose, placeholder, empty, control } = props;
  const listId = useId();
  const root = useRef<HTMLDivElement>(null);
  const [text, setText] = useState<string | null>(null);
  const [active, setActive] = useState(0);
  const open = text !== null;
  const at = Math.min(active, choices.length - 1);
  const close = () => setText(null);
  const show = (next: string) => {
    setText(next);
    setActive(0);
    onSearch(next);
  };
  const choose = (choice: Choice | undefined) => {
    if (!choice) return;
    onChoose(choice.value);
    close();
  };
  useEffect(() => {
    if (open)
      root.current?.querySelector(`[data-at="${at}"]`)?.scrollIntoView({ block: 'nearest' });
  }, [open, at]);
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (!open) return show('');
      const step = event.key === 'ArrowDown' ? 1 : -1;
      setActive((at + step + choices.length) % Math.max(1, choices.length));
    } else if (event.key === 'Enter' && open) {
      event.preventDefault();
      choose(choices[at]);
    } else if (event.key === 'Escape' && open) {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  };
  return (
    <div ref={root} className="relative">
      <Input
        {...control}
        role="combobox"
        aria-expanded={open}
        aria-controls={listId}
        aria-autocomplete="list"
        aria-activedescendant={open && choices.length > 0 ? `${listId}-${at}` : undefined}
        autoComplete="off"
        spellCheck={false}
        placeholder={open && value ? value : placeholder}
        value={text ?? value}
        onChange={({ target }) => show(target.value)}
        onClick={() => {
          if (!open) show('');
        }}
        onKeyDown={onKey}
        // Choices keep the focus here, so leaving means being done.
        onBlur={close}
        className="font-mono text-13"
      />
      <div
        id={listId}
        role="listbox"
        aria-label="Suggestions"
        hidden={!open}
        className="absolute inset-x-0 top-full z-30 mt-1 max-h-80 overflow-y-auto rounded-card border border-line-strong bg-surface p-1 shadow-float"
      >
        {choices.map((choice, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the focus and the keys
          <div
            key={choice.value}
            id={`${listId}-${index}`}
            data-at={index}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => choose(choice)}
            className={cx('rounded-control px-2 py-1', index === at && 'bg-hover')}
          >
            <div className="break-all font-mono text-13">{choice.value}</div>
            {choice.note ? <div className="truncate text-12 text-muted">{choice.note}</div> : null}
          </div>
        ))}
        {choices.length === 0 ? (
          <div
            role="option"
            tabIndex={-1}
            aria-selected={false}
            aria-disabled
            className="px-2 py-1 text-13 text-muted"
          >
            {empty}
          </div>
        ) : null}
      </div>
    </div>
  );
}
