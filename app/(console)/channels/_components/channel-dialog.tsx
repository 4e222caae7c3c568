'use client';

import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { FormEnd } from '../../../../components/ui/form-end.tsx';
import { Input, Select } from '../../../../components/ui/input.tsx';
import { SecretOnce } from '../../../../components/ui/secret-once.tsx';
import { submitOnCtrlEnter } from '../../../../components/ui/submit.ts';
import { toast } from '../../../../components/ui/toast.tsx';
import {
  type ChannelItem,
  type CreatedChannel,
  channelKinds,
  severities,
} from '../../../../server/notify/contract.ts';
import { checkChange, checkNew, type Values, valuesOf } from './form-values.ts';
import { type Bind, KindFields } from './kind-fields.tsx';
import { kindWords, severityWords } from './words.ts';

async function saveChannel(values: Values, channel: ChannelItem | null): Promise<CreatedChannel> {
  if (channel) {
    const { input } = checkChange(values, channel);
    if (!input) throw new Error('invalid');
    await api.notify.channels.update.mutate(input);
    return { id: channel.id };
  }
  const { input } = checkNew(values);
  if (!input) throw new Error('invalid');
  return api.notify.channels.create.mutate(input);
}

function useChannelForm(channel: ChannelItem | null, onClose: () => void) {
  const before = valuesOf(channel);
  const [values, setValues] = useState(before);
  const [touched, setTouched] = useState<Partial<Record<string, boolean>>>({});
  const { input, faults } = channel ? checkChange(values, channel) : checkNew(values);
  const save = useMutation({
    mutationFn: () => saveChannel(values, channel),
    onSuccess: async ({ secret }) => {
      await queryClient.invalidateQueries({ queryKey: trpc.notify.channels.list.pathKey() });
      if (secret) return;
      toast(
        'ok',
        channel ? `${values.name} is saved.` : `${values.name} is added. Send it a test.`,
      );
      onClose();
    },
  });
  const failure = save.error ? failureOf(save.error) : null;
  const errorOf = (field: keyof Values) =>
    failure?.fields.find(({ path }) => path.split('.')[0] === field)?.message ??
    (touched[field] ? faults[field] : undefined);
  const bind: Bind = (field) => ({
    value: values[field],
    onChange: ({ target }) => {
      save.reset();
      setValues({ ...values, [field]: target.value });
    },
    onBlur: () => setTouched({ ...touched, [field]: true }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTouched(Object.fromEntries(Object.keys(values).map((field) => [field, true])));
    if (input) save.mutate();
  };
  const dirty = JSON.stringify(values) !== JSON.stringify(before);
  return { values, errorOf, bind, submit, save, failure, dirty };
}

/** A channel is made or changed; a secret that the console made up is shown once, afterwards. */
export default function ChannelDialog(props: { channel: ChannelItem | null; onClose(): void }) {
  const { channel, onClose } = props;
  const [asked, setAsked] = useState(false);
  const { values, errorOf, bind, submit, save, failure, dirty } = useChannelForm(channel, onClose);
  if (save.data?.secret) {
    return (
      <SecretOnce
        title={`Signing secret of ${values.name}`}
        description="The receiver checks the header webhook-signature with it, as the Standard Webhooks specification says. It is shown once."
        secret={save.data.secret}
        what="secret"
        testId="webhook-secret"
        onClose={onClose}
      />
    );
  }
  const close = () => {
    if (dirty && !asked) setAsked(true);
    else onClose();
  };
  return (
    <Dialog
      open
      as="sheet"
      title={channel ? `Edit ${channel.name}` : 'Add a channel'}
      description={
        channel
          ? `${kindWords[channel.kind]}. What is left empty stays as it is.`
          : 'Where people are told of incidents.'
      }
      onOpenChange={close}
    >
      <form noValidate onSubmit={submit} onKeyDown={submitOnCtrlEnter} className="grid gap-4">
        {channel ? null : (
          <Field label="Kind">
            {(control) => (
              <Select {...control} {...bind('kind')}>
                {channelKinds.map((kind) => (
                  <option key={kind} value={kind}>
                    {kindWords[kind]}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        )}
        <Field label="Name" error={errorOf('name')}>
          {(control) => <Input {...control} {...bind('name')} autoComplete="off" />}
        </Field>
        <Field
          label="Is told"
          help="What people acknowledge or what resolves always follows what they were told."
        >
          {(control) => (
            <Select {...control} {...bind('minSeverity')}>
              {severities.toReversed().map((severity) => (
                <option key={severity} value={severity}>
                  {severityWords[severity]}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <KindFields values={values} channel={channel} bind={bind} errorOf={errorOf} />
        <FormEnd
          verb={channel ? 'Save' : 'Add channel'}
          busy={save.isPending}
          failure={failure}
          asked={asked}
          onCancel={close}
        />
      </form>
    </Dialog>
  );
}
