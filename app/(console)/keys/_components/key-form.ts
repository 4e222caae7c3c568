/** What the form holds, and how it becomes the input of the API. Pure; comes with the sheet. */
import type { z } from 'zod';
import type { Role } from '../../../../server/api/contract.ts';
import {
  type KeyItem,
  keyCreateSchema,
  keyUpdateSchema,
  ROTATE_DAYS,
} from '../../../../server/keys/contract.ts';

export type Values = {
  name: string;
  role: Role;
  scopes: string[];
  ownerId: string;
  /** A day, `2027-01-31`; it ends with it. */
  expiresAt: string;
  rateLimit: string;
  addresses: string;
  rotateDays: string;
};
export const NOBODY = '';

const dayOf = (at: string) => {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
};

export function valuesOf(item: KeyItem | null, me: string): Values {
  return {
    name: item?.name ?? '',
    role: item?.role ?? 'viewer',
    scopes: item?.scopes ?? [],
    ownerId: item ? (item.owner?.id ?? NOBODY) : me,
    expiresAt: item?.expiresAt ? dayOf(item.expiresAt) : '',
    rateLimit: item?.rateLimit ? String(item.rateLimit) : '',
    addresses: item?.addresses.join('\n') ?? '',
    rotateDays: item ? String(item.rotateDays ?? '') : String(ROTATE_DAYS),
  };
}

const numberOf = (text: string) => (text.trim() === '' ? null : Number(text.trim()));

function wireOf(values: Values, item: KeyItem | null) {
  // The end of a key that was made elsewhere may be any moment of that day; it stays when the day does.
  const kept =
    item?.expiresAt && dayOf(item.expiresAt) === values.expiresAt ? item.expiresAt : null;
  const end = new Date(`${values.expiresAt}T23:59:59`);
  return {
    name: values.name,
    role: values.role,
    scopes: values.scopes,
    ownerId: values.ownerId === NOBODY ? null : values.ownerId,
    expiresAt:
      values.expiresAt === ''
        ? null
        : (kept ?? (Number.isNaN(end.getTime()) ? values.expiresAt : end.toISOString())),
    rateLimit: numberOf(values.rateLimit),
    addresses: values.addresses.split(/[\s,;]+/).filter(Boolean),
    rotateDays: numberOf(values.rotateDays),
  };
}

type Issues = readonly { path: PropertyKey[]; message: string }[];
function faultsOf(issues: Issues) {
  const faults: Partial<Record<keyof Values, string>> = {};
  for (const { path, message } of issues) faults[path[0] as keyof Values] ??= message;
  return faults;
}

export type Input =
  | { kind: 'create'; data: z.output<typeof keyCreateSchema> }
  | { kind: 'update'; data: z.output<typeof keyUpdateSchema> };

/** Checked as the server will check it. */
export function check(values: Values, item: KeyItem | null) {
  const wire = wireOf(values, item);
  const { expiresAt } = wire;
  const late =
    expiresAt !== null && expiresAt !== item?.expiresAt && Date.parse(expiresAt) < Date.now();
  const past = late ? { expiresAt: 'This day is over' } : {};
  const checked = (issues: Issues, input: Input | null) => ({
    input: late ? null : input,
    faults: { ...faultsOf(issues), ...past },
  });
  if (item) {
    // Only what was changed: what somebody else changed meanwhile stays as they left it.
    const before = wireOf(valuesOf(item, NOBODY), item);
    const changed = Object.fromEntries(
      Object.entries(wire).filter(
        ([field, value]) =>
          JSON.stringify(value) !== JSON.stringify(before[field as keyof typeof before]),
      ),
    );
    const { data, error } = keyUpdateSchema.safeParse({ id: item.id, ...changed });
    return checked(error?.issues ?? [], data ? { kind: 'update', data } : null);
  }
  const { data, error } = keyCreateSchema.safeParse(wire);
  return checked(error?.issues ?? [], data ? { kind: 'create', data } : null);
}
