'use client';

import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { count } from '../../../../components/format/number.ts';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input, Select } from '../../../../components/ui/input.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import { type EvictInput, evictSchema, namespaceNames } from '../../../../server/cache/contract.ts';

const ways = ['namespace', 'key', 'tag', 'pattern'] as const;
const wayWords = {
  namespace: 'A whole kind',
  key: 'One key',
  tag: 'All that depends on a tag',
  pattern: 'Keys like a pattern',
} as const;
const help = {
  namespace: undefined,
  key: 'As it stands in the list, e.g. dashboards:list:50:',
  tag: 'E.g. dashboards',
  pattern: 'An asterisk stands for anything, e.g. dashboards:get:*',
} as const;

/** Makes values old on every replica; the next to ask loads them anew. */
export default function EvictDialog(props: {
  by: EvictInput['by'];
  value: string;
  onClose(): void;
}) {
  const [by, setBy] = useState(props.by);
  const [value, setValue] = useState(props.value);
  const [touched, setTouched] = useState(false);
  const parsed = evictSchema.safeParse({ by, value });
  const evict = useMutation(
    trpc.cache.evict.mutationOptions({
      onSuccess: async ({ evicted }) => {
        await queryClient.invalidateQueries({ queryKey: trpc.cache.pathKey() });
        toast('ok', `${count(evicted, 'value')} evicted from this process; replicas follow.`);
        props.onClose();
      },
    }),
  );
  const failure = evict.error ? failureOf(evict.error) : null;
  const fault =
    failure?.fields.find(({ path }) => path.endsWith('value'))?.message ??
    (touched && !parsed.success ? parsed.error.issues[0]?.message : undefined);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTouched(true);
    if (parsed.success) evict.mutate(parsed.data);
  };
  const change = (next: string) => {
    evict.reset();
    setValue(next);
  };
  return (
    <Dialog
      open
      title="Evict from the cache"
      description="What is evicted is loaded anew by the next to ask, on every replica. Pages take longer once; nothing is lost."
      onOpenChange={props.onClose}
    >
      <form noValidate onSubmit={submit} className="grid gap-4">
        <Field label="What">
          {(control) => (
            <Select
              {...control}
              value={by}
              onChange={({ target }) => {
                const next = ways.find((way) => way === target.value) ?? 'namespace';
                setBy(next);
                setTouched(false);
                change(next === 'namespace' ? (namespaceNames[0] ?? '') : '');
              }}
            >
              {ways.map((way) => (
                <option key={way} value={way}>
                  {wayWords[way]}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label={by === 'namespace' ? 'Kind' : 'Which'} help={help[by]} error={fault}>
          {(control) =>
            by === 'namespace' ? (
              <Select {...control} value={value} onChange={({ target }) => change(target.value)}>
                {namespaceNames.map((name) => (
                  <option key={name} value={name}>
                    {name}
                  </option>
                ))}
              </Select>
            ) : (
              <Input
                {...control}
                value={value}
                autoComplete="off"
                spellCheck={false}
                onChange={({ target }) => change(target.value)}
                onBlur={() => setTouched(true)}
              />
            )
          }
        </Field>
        {failure && failure.fields.length === 0 ? (
          <p role="alert" className="text-13 text-bad-text">
            {failure.message}
          </p>
        ) : null}
        <div className="flex justify-end gap-2">
          <Button onClick={props.onClose}>Keep as it is</Button>
          <Button type="submit" look="danger" busy={evict.isPending}>
            Evict
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
