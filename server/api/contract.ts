/** Shapes that every list and every error share. Client-safe. */
import { z } from 'zod';

export const roles = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];
export const roleSchema = z.enum(roles);

/** Whether `role` includes the rights of `needed`. */
export function roleAllows(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed);
}

/** Input of every list: `cursor` is what the previous page answered as `nextCursor`. */
export const pageSchema = z.strictObject({
  limit: z.number().int().min(1).max(200).default(50),
  cursor: z.string().max(200).nullish(),
});
/** For lists whose cursor is an id. */
export const idPageSchema = pageSchema.extend({
  cursor: z.uuid('Take it from nextCursor of the previous page').nullish(),
});
/** No control characters, and no half of a surrogate pair: PostgreSQL holds neither NUL nor broken Unicode. */
export const isPlainText = (value: string): boolean => !/[\p{Cc}\p{Cs}]/u.test(value);
/** A text to search for; stands for itself. */
export const filterSchema = z
  .string()
  .trim()
  .max(100)
  .refine(isPlainText, 'Control characters are not accepted');
export type PageInput = z.input<typeof pageSchema>;

export type Page<T> = { items: T[]; nextCursor: string | null };

/** A fault in one input field; `path` is dotted, e.g. `filters.0.op`. */
export type FieldError = { path: string; message: string };

/** What a tRPC error carries in `data`. */
export type ErrorData = {
  code: string;
  httpStatus: number;
  requestId: string | null;
  fields?: FieldError[];
};
