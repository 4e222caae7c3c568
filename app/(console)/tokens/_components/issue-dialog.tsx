'use client';

import { ScopesField } from '../../../../components/data/scopes-field.tsx';
import { formatInstant } from '../../../../components/format/time.ts';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { roleOptions } from '../../../../components/trpc/role.ts';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { FormEnd } from '../../../../components/ui/form-end.tsx';
import { Input, Select } from '../../../../components/ui/input.tsx';
import { SecretOnce } from '../../../../components/ui/secret-once.tsx';
import { submitOnCtrlEnter } from '../../../../components/ui/submit.ts';
import { useForm } from '../../../../components/ui/use-form.ts';
import {
  type IssueInput,
  issueSchema,
  TTL_DEFAULT_SECONDS,
} from '../../../../server/tokens/contract.ts';

type Values = { subject: string; role: string; ttl: string; scopes: string[] };
const EMPTY: Values = {
  subject: '',
  role: 'viewer',
  ttl: String(TTL_DEFAULT_SECONDS),
  scopes: [],
};
const ttls = [
  { value: '60', label: '1 minute' },
  { value: '300', label: '5 minutes' },
  { value: String(TTL_DEFAULT_SECONDS), label: '15 minutes' },
  { value: '3600', label: '1 hour' },
  { value: '28800', label: '8 hours' },
  { value: '86400', label: '24 hours' },
];
const fieldOf = (path: string) => {
  const [first] = path.split('.');
  return first === 'ttlSeconds' ? 'ttl' : first;
};

function check({ ttl, ...rest }: Values) {
  const parsed = issueSchema.safeParse({ ...rest, ttlSeconds: Number(ttl) });
  const faults: Partial<Record<keyof Values, string>> = {};
  if (parsed.success) return { input: parsed.data, faults };
  for (const { path, message } of parsed.error.issues) {
    const field = fieldOf(String(path[0]));
    if (field !== undefined && field in rest) faults[field as keyof Values] ??= message;
  }
  return { input: null, faults };
}

/** Asks for whom and for what, then shows the token that is shown once. */
export default function IssueDialog({ onClose }: { onClose(): void }) {
  const form = useForm<Values, IssueInput, { token: string; expiresAt: string }>({
    before: EMPTY,
    check,
    fieldOf,
    save: (input) => api.tokens.issue.mutate(input),
    onSaved: () => queryClient.invalidateQueries({ queryKey: trpc.tokens.pathKey() }),
    onClose,
  });
  const { values, set, bind, errorOf, answer } = form;
  if (answer) {
    return (
      <SecretOnce
        title={`Token for ${values.subject.trim()}`}
        description={`Send it as Authorization: Bearer. It is shown once and ends ${formatInstant(answer.expiresAt)}.`}
        secret={answer.token}
        what="token"
        testId="issued-token"
        onClose={onClose}
      />
    );
  }
  return (
    <Dialog
      open
      as="sheet"
      title="Issue a token"
      description="For an agent or a job that should hold nothing that lasts. It can be revoked at any time."
      onOpenChange={form.close}
    >
      <form noValidate onSubmit={form.submit} onKeyDown={submitOnCtrlEnter} className="grid gap-4">
        <Field
          label="Subject"
          help="Who it is for, e.g. nightly-export. Everything of a subject can be revoked together."
          error={errorOf('subject')}
        >
          {(control) => <Input {...control} {...bind('subject')} autoComplete="off" />}
        </Field>
        <Field label="Role" help={roleOptions.find(({ value }) => value === values.role)?.can}>
          {(control) => (
            <Select {...control} {...bind('role')}>
              {roleOptions.map(({ value, label }) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label="Ends after" error={errorOf('ttl')}>
          {(control) => (
            <Select {...control} {...bind('ttl')}>
              {ttls.map(({ value, label }) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <ScopesField
          values={values.scopes}
          error={errorOf('scopes')}
          onChange={(chosen) => set({ scopes: chosen })}
        />
        <FormEnd verb="Issue" {...form.end} onCancel={form.close} />
      </form>
    </Dialog>
  );
}
