'use client';

import { Plus, X } from 'lucide-react';
import { Button } from '../../../../components/ui/button.tsx';
import { cx } from '../../../../components/ui/cx.ts';
import { Input } from '../../../../components/ui/input.tsx';
import type { TimeWindow } from '../../../../server/policies/contract.ts';
import { newWindow } from './rule-form.ts';
import { dayNames } from './words.ts';

const MAX = 10;

function Days({ days, onChange }: { days: readonly number[]; onChange(days: number[]): void }) {
  return (
    <fieldset className="flex flex-wrap gap-1">
      <legend className="sr-only">Days on which it begins</legend>
      {dayNames.map((name, at) => {
        const day = at + 1;
        const on = days.includes(day);
        return (
          <button
            key={name}
            type="button"
            aria-pressed={on}
            onClick={() =>
              onChange(on ? days.filter((each) => each !== day) : [...days, day].sort())
            }
            className={cx(
              'h-7 min-w-10 rounded-control border px-1.5 text-12',
              on ? 'border-line-strong bg-active text-text' : 'text-muted hover:text-text',
            )}
          >
            {name}
          </button>
        );
      })}
    </fieldset>
  );
}

/** The rule holds within one of these; without any always. */
export function TimeWindows(props: {
  windows: readonly TimeWindow[];
  error: string | undefined;
  onChange(windows: TimeWindow[]): void;
}) {
  const { windows, error, onChange } = props;
  const put = (at: number, change: Partial<TimeWindow>) =>
    onChange(windows.map((each, index) => (index === at ? { ...each, ...change } : each)));
  return (
    <fieldset className="grid min-w-0 gap-3">
      <legend className="mb-1.5 font-medium text-13">Times</legend>
      {windows.map((window, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: windows have no name of their own and keep their order
        <div key={at} className="grid gap-2 rounded-card border p-3">
          <Days days={window.days} onChange={(days) => put(at, { days })} />
          <div className="flex flex-wrap items-center gap-2">
            <Input
              type="time"
              aria-label="From"
              value={window.from}
              onChange={({ target }) => put(at, { from: target.value })}
              className="w-32!"
            />
            <span className="text-13 text-muted">to</span>
            <Input
              type="time"
              aria-label="To"
              value={window.to}
              onChange={({ target }) => put(at, { to: target.value })}
              className="w-32!"
            />
            <Input
              aria-label="Time zone"
              value={window.timeZone}
              autoComplete="off"
              spellCheck={false}
              onChange={({ target }) => put(at, { timeZone: target.value })}
              className="w-40!"
            />
            <Button
              look="ghost"
              size="icon"
              aria-label={`Remove time ${at + 1}`}
              onClick={() => onChange(windows.filter((_, index) => index !== at))}
            >
              <X aria-hidden className="size-4" />
            </Button>
          </div>
        </div>
      ))}
      {windows.length < MAX ? (
        <div>
          <Button onClick={() => onChange([...windows, newWindow()])}>
            <Plus aria-hidden className="size-4" />
            Add a time
          </Button>
        </div>
      ) : null}
      <p className={error ? 'text-13 text-bad-text' : 'text-13 text-muted'} aria-live="polite">
        {error ??
          'Without one it holds always. The same time twice is the whole day; a later from than to goes past midnight.'}
      </p>
    </fieldset>
  );
}
