/** Decisions in plain sentences: what the caller is told, and all of it for those who may see it. */
import type { Rule } from './contract.ts';
import type { Asked, Verdict } from './decide.ts';

export const DEFAULT_ALLOW = 'No rule speaks of it; the default allows what the role allows.';
export const DEFAULT_DENY = 'No rule allows it, and the default is to deny.';
export const LOADING = 'The policies were not read yet; changes have to wait for them.';
export const PROTECTED = 'Policies do not apply here, so that nobody is locked out.';

const days = ['', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** What is told to who asked. */
export function reasonOf({ effect, rule }: Verdict): string {
  if (!rule) return effect === 'allow' ? DEFAULT_ALLOW : DEFAULT_DENY;
  const why = rule.description ? ` ${rule.description}` : '';
  return `The policy “${rule.name}” ${effect === 'allow' ? 'allows' : 'denies'} it.${why}`;
}

function conditionsOf({ conditions }: Rule): string {
  const { times, addresses, environments } = conditions;
  const parts: string[] = [];
  if (times) {
    const windows = times.map(
      (each) =>
        `${each.days.map((day) => days[day]).join(', ')} ${each.from}–${each.to} ${each.timeZone}`,
    );
    parts.push(`at ${windows.join(' or ')}`);
  }
  if (addresses) parts.push(`from ${addresses.join(', ')}`);
  if (environments) parts.push(`in the environment ${environments.join(' or ')}`);
  return parts.length > 0 ? `, ${parts.join(', ')}` : '';
}

/** The rule as it stood and the question as it was asked, for the list of denials. */
export function detailOf({ effect, rule }: Verdict, asked: Asked): string {
  const question = `Asked: ${asked.subjects.join(', ')} → ${asked.tool} in ${asked.scope}, from ${asked.address ?? 'an unknown address'}, environment ${asked.environment ?? 'unknown'}.`;
  if (!rule) return `No rule fitted; default ${effect}. ${question}`;
  return `Rule “${rule.name}”: ${rule.effect} ${rule.subject} → ${rule.tool} in ${rule.scope}${conditionsOf(rule)}. ${question}`;
}
