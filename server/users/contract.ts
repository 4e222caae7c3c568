import { z } from 'zod';
import { filterSchema, idPageSchema, isPlainText, type Role, roleSchema } from '../api/contract.ts';

export const PASSWORD_MIN = 12;
const PASSWORD_MAX = 200;
export const INVITE_TTL_HOURS = 72;

export const emailSchema = z
  .string()
  .trim()
  .toLowerCase()
  .max(254)
  .pipe(z.email('Enter an e-mail address such as ada@example.com'));
export const nameSchema = z
  .string()
  .trim()
  .min(1, 'Enter a name')
  .max(100, 'At most 100 characters')
  .refine(isPlainText, 'Control and invisible characters are not accepted');
export const passwordSchema = z
  .string()
  .min(PASSWORD_MIN, `At least ${PASSWORD_MIN} characters`)
  .max(PASSWORD_MAX, `At most ${PASSWORD_MAX} characters`);
const tokenSchema = z.string().min(20).max(200);

export const setupSchema = z.strictObject({
  token: tokenSchema,
  email: emailSchema,
  name: nameSchema,
  password: passwordSchema,
});
export const acceptInviteSchema = z.strictObject({
  token: tokenSchema,
  name: nameSchema,
  password: passwordSchema,
});
export const inviteStateSchema = z.strictObject({ token: tokenSchema });
export const inviteSchema = z.strictObject({
  email: emailSchema,
  name: nameSchema,
  role: roleSchema,
});
export const userIdSchema = z.strictObject({ id: z.uuid() });
export const setRoleSchema = z.strictObject({ id: z.uuid(), role: roleSchema });
export const setDisabledSchema = z.strictObject({ id: z.uuid(), disabled: z.boolean() });
export const userListSchema = idPageSchema.extend({
  q: filterSchema.optional(),
  status: z.enum(['active', 'invited', 'disabled']).optional(),
});
export const changePasswordSchema = z.strictObject({
  current: z.string().max(PASSWORD_MAX),
  password: passwordSchema,
});
export const renameSchema = z.strictObject({ name: nameSchema });

export type UserStatus = 'active' | 'invited' | 'disabled';
export type UserItem = {
  id: string;
  email: string;
  name: string;
  role: Role;
  status: UserStatus;
  /** How the person signs in; null while invited. */
  method: 'password' | 'oidc' | null;
  lastSeenAt: string | null;
  createdAt: string;
  inviteExpiresAt: string | null;
};
/** An invitation's link is shown once: only its hash is stored. */
export type Invitation = { id: string; url: string; expiresAt: string };
/** Who is asking: a person or a script's key. */
export type Me = {
  kind: 'user' | 'key' | 'token';
  id: string;
  name: string;
  email: string | null;
  role: Role;
  sessionId: string | null;
  method: string | null;
};
