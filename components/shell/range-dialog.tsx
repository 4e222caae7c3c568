'use client';

import { type FormEvent, useState } from 'react';
import { zoneName } from '../format/time.ts';
import { lengthMs, type Range } from '../metrics/range.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field } from '../ui/field.tsx';
import { Input } from '../ui/input.tsx';

/** What `datetime-local` takes, in the viewer's zone. */
function localText(at: number): string {
  const date = new Date(at);
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** A range from a time to a time. */
export default function RangeDialog(props: {
  range: Range;
  onRange(range: Range): void;
  onClose(): void;
}) {
  const { range, onRange, onClose } = props;
  const [shown] = useState(() =>
    'relative' in range
      ? { from: Date.now() - lengthMs(range), to: Date.now() }
      : { from: range.from, to: range.to },
  );
  const [from, setFrom] = useState(localText(shown.from));
  const [to, setTo] = useState(localText(shown.to));
  const [fault, setFault] = useState<string>();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const next = { from: Date.parse(from), to: Date.parse(to) };
    if (!(next.from < next.to)) return setFault('The end must be after the beginning');
    onRange(next);
    onClose();
  };
  return (
    <Dialog open title="Range of time" description={`In ${zoneName()}`} onOpenChange={onClose}>
      <form noValidate onSubmit={submit} className="grid gap-4">
        <Field label="From">
          {(control) => (
            <Input
              {...control}
              type="datetime-local"
              value={from}
              onChange={({ target }) => setFrom(target.value)}
            />
          )}
        </Field>
        <Field label="To" error={fault}>
          {(control) => (
            <Input
              {...control}
              type="datetime-local"
              value={to}
              onChange={({ target }) => setTo(target.value)}
            />
          )}
        </Field>
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary">
            Show this range
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
