/** What the form holds, and how it becomes the input of the API. Pure; comes with the sheet. */
import {
  type Effect,
  type RuleInput,
  type RuleItem,
  ruleSchema,
  type TimeWindow,
} from '../../../../server/policies/contract.ts';

export type Values = {
  name: string;
  description: string;
  effect: Effect;
  subject: string;
  tool: string;
  scope: string;
  enabled: boolean;
  times: TimeWindow[];
  addresses: string;
  environments: string;
};

export const valuesOf = (rule: RuleItem | null): Values => ({
  name: rule?.name ?? '',
  description: rule?.description ?? '',
  effect: rule?.effect ?? 'deny',
  subject: rule?.subject ?? '',
  tool: rule?.tool ?? '',
  scope: rule?.scope ?? '*',
  enabled: rule?.enabled ?? true,
  times: rule?.conditions.times ?? [],
  addresses: rule?.conditions.addresses?.join('\n') ?? '',
  environments: rule?.conditions.environments?.join(', ') ?? '',
});

/** Working hours, where the person who writes the rule is. */
export const newWindow = (): TimeWindow => ({
  days: [1, 2, 3, 4, 5],
  from: '08:00',
  to: '18:00',
  timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC',
});

const words = (text: string): string[] => text.split(/[\s,;]+/).filter(Boolean);

/** Which control a fault of the input belongs to. */
export const fieldOf = (path: string): string | undefined => {
  const [first, second] = path.split('.');
  return first === 'conditions' ? second : first;
};

/** Checked as the server will check it. */
export function check(values: Values): {
  input: RuleInput | null;
  faults: Partial<Record<keyof Values, string>>;
} {
  const { times, addresses, environments, ...rest } = values;
  const networks = words(addresses);
  const places = words(environments);
  const parsed = ruleSchema.safeParse({
    ...rest,
    scope: rest.scope.trim() === '' ? '*' : rest.scope,
    conditions: {
      ...(times.length > 0 ? { times } : {}),
      ...(networks.length > 0 ? { addresses: networks } : {}),
      ...(places.length > 0 ? { environments: places } : {}),
    },
  });
  const faults: Partial<Record<string, string>> = {};
  for (const { path, message } of parsed.error?.issues ?? []) {
    const field = fieldOf(path.map(String).join('.'));
    if (field) faults[field] ??= message;
  }
  return { input: parsed.success ? parsed.data : null, faults };
}
