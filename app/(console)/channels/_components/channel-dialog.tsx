'use client';

import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { FormEnd } from '../../../../components/ui/form-end.tsx';
import { Input, Select } from '../../../../components/ui/input.tsx';
import { SecretOnce } from '../../../../components/ui/secret-once.tsx';
import { submitOnCtrlEnter } from '../../../../components/ui/submit.ts';
import { toast } from '../../../../components/ui/toast.tsx';
import { useForm } from '../../../../components/ui/use-form.ts';
import {
  type ChannelItem,
  type CreateChannelInput,
  type CreatedChannel,
  channelKinds,
  severities,
  type UpdateChannelInput,
} from '../../../../server/notify/contract.ts';
import { checkChange, checkNew, type Values, valuesOf } from './form-values.ts';
import { KindFields } from './kind-fields.tsx';
import { kindWords, severityWords } from './words.ts';

type Wire =
  | { kind: 'create'; data: CreateChannelInput }
  | { kind: 'update'; data: UpdateChannelInput };

function useChannelForm(channel: ChannelItem | null, onClose: () => void) {
  return useForm<Values, Wire, CreatedChannel>({
    before: valuesOf(channel),
    check(values) {
      if (channel) {
        const { input, faults } = checkChange(values, channel);
        return { input: input && { kind: 'update', data: input }, faults };
      }
      const { input, faults } = checkNew(values);
      return { input: input && { kind: 'create', data: input }, faults };
    },
    async save(input) {
      if (input.kind === 'create') return api.notify.channels.create.mutate(input.data);
      await api.notify.channels.update.mutate(input.data);
      return { id: input.data.id };
    },
    async onSaved({ secret }, { name }) {
      await queryClient.invalidateQueries({ queryKey: trpc.notify.channels.list.pathKey() });
      if (secret) return;
      toast('ok', channel ? `${name} is saved.` : `${name} is added. Send it a test.`);
      onClose();
    },
    onClose,
  });
}

/** A channel is made or changed; a secret that the console made up is shown once, afterwards. */
export default function ChannelDialog(props: { channel: ChannelItem | null; onClose(): void }) {
  const { channel, onClose } = props;
  const form = useChannelForm(channel, onClose);
  const { values, errorOf, bind, answer } = form;
  if (answer?.secret) {
    return (
      <SecretOnce
        title={`Signing secret of ${values.name}`}
        description="The receiver checks the header webhook-signature with it, as the Standard Webhooks specification says. It is shown once."
        secret={answer.secret}
        what="secret"
        testId="webhook-secret"
        onClose={onClose}
      />
    );
  }
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
      onOpenChange={form.close}
    >
      <form noValidate onSubmit={form.submit} onKeyDown={submitOnCtrlEnter} className="grid gap-4">
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
        <FormEnd {...form.end} verb={channel ? 'Save' : 'Add channel'} onCancel={form.close} />
      </form>
    </Dialog>
  );
}
