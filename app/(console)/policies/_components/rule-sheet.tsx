'use client';

import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { FormEnd } from '../../../../components/ui/form-end.tsx';
import { Input, Select, Textarea } from '../../../../components/ui/input.tsx';
import { submitOnCtrlEnter } from '../../../../components/ui/submit.ts';
import { toast } from '../../../../components/ui/toast.tsx';
import { useForm } from '../../../../components/ui/use-form.ts';
import type { RuleItem } from '../../../../server/policies/contract.ts';
import { check, fieldOf, valuesOf } from './rule-form.ts';
import { RulePreview } from './rule-preview.tsx';
import { TimeWindows } from './time-windows.tsx';
import { useSuggestions } from './use-suggestions.ts';

/** Makes a rule (`rule` null) or changes one, and says before it is saved what it would change. */
export default function RuleSheet({ rule, onClose }: { rule: RuleItem | null; onClose(): void }) {
  const { subjects, tools, modules } = useSuggestions();
  const form = useForm({
    before: valuesOf(rule),
    check,
    fieldOf,
    save: (input) =>
      rule
        ? api.policies.update.mutate({ ...input, id: rule.id, version: rule.version })
        : api.policies.create.mutate(input),
    onSaved: async (_answer, { name }) => {
      await queryClient.invalidateQueries({ queryKey: trpc.policies.pathKey() });
      toast('ok', `${name} is saved and holds on every replica within two seconds.`);
      onClose();
    },
    onClose,
  });
  const { values, set, bind, errorOf } = form;
  const { input } = check(values);
  return (
    <Dialog
      open
      as="sheet"
      title={rule ? `Edit ${rule.name}` : 'Add a rule'}
      description="Who may call which tool, in which scope. A * at the end stands for anything."
      onOpenChange={form.close}
    >
      <form noValidate onSubmit={form.submit} onKeyDown={submitOnCtrlEnter} className="grid gap-4">
        <Field label="Name" error={errorOf('name')}>
          {(control) => <Input {...control} {...bind('name')} autoComplete="off" />}
        </Field>
        <Field
          label="Effect"
          help={
            values.effect === 'deny'
              ? 'Wins over every allow.'
              : 'Gives no more than the role; it matters where the default is to deny.'
          }
          error={errorOf('effect')}
        >
          {(control) => (
            <Select {...control} {...bind('effect')}>
              <option value="deny">Deny</option>
              <option value="allow">Allow</option>
            </Select>
          )}
        </Field>
        <Field
          label="Who"
          help="role:operator, key:ID, user:EMAIL, token:SUBJECT, agent:NAME, or * for everybody."
          error={errorOf('subject')}
        >
          {(control) => (
            <Input
              {...control}
              {...bind('subject')}
              list="policy-subjects"
              autoComplete="off"
              spellCheck={false}
              className="font-mono text-13"
            />
          )}
        </Field>
        <datalist id="policy-subjects">
          {subjects.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </datalist>
        <Field
          label="Tool"
          help="A procedure such as breakers.force, a module such as health.*, or the name of an agent’s tool."
          error={errorOf('tool')}
        >
          {(control) => (
            <Input
              {...control}
              {...bind('tool')}
              list="policy-tools"
              autoComplete="off"
              spellCheck={false}
              className="font-mono text-13"
            />
          )}
        </Field>
        <datalist id="policy-tools">
          {[...modules, ...tools].map((value) => (
            <option key={value} value={value} />
          ))}
        </datalist>
        <Field
          label="Scope"
          help="Such as prod/payments or prod/*. The console’s own procedures are asked for in all scopes (*), so a deny for a part stops them too."
          error={errorOf('scope')}
        >
          {(control) => (
            <Input
              {...control}
              {...bind('scope')}
              autoComplete="off"
              spellCheck={false}
              className="font-mono text-13"
            />
          )}
        </Field>
        <Field
          label="Why"
          help="Shown to who is denied, and to who reads the rule later."
          error={errorOf('description')}
        >
          {(control) => <Textarea {...control} {...bind('description')} rows={2} />}
        </Field>
        <details
          className="rounded-card border"
          open={Object.keys(rule?.conditions ?? {}).length > 0 || undefined}
        >
          <summary className="cursor-pointer px-3.5 py-2.5 font-medium text-13">
            Only at some times, from some addresses, in some environments
          </summary>
          <div className="grid gap-4 border-t p-3.5">
            <TimeWindows
              windows={values.times}
              error={errorOf('times')}
              onChange={(times) => set({ times })}
            />
            <Field
              label="Addresses"
              help="Addresses or networks such as 10.0.0.0/8. An address that is not known counts against the caller."
              error={errorOf('addresses')}
            >
              {(control) => <Textarea code {...control} {...bind('addresses')} rows={2} />}
            </Field>
            <Field
              label="Environments"
              help="Such as production, staging."
              error={errorOf('environments')}
            >
              {(control) => <Input {...control} {...bind('environments')} autoComplete="off" />}
            </Field>
          </div>
        </details>
        <label className="flex items-center gap-2 text-13">
          <input
            type="checkbox"
            checked={values.enabled}
            onChange={({ target }) => set({ enabled: target.checked })}
            className="size-4 accent-accent"
          />
          The rule is on
        </label>
        <RulePreview rule={input} id={rule?.id ?? null} />
        <FormEnd {...form.end} verb={rule ? 'Save rule' : 'Add rule'} onCancel={form.close} />
      </form>
    </Dialog>
  );
}
