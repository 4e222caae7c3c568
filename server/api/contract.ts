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
/** PostgreSQL holds neither NUL nor half of a surrogate pair, and a name is one line. */
const control = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;
/**
 * What nobody sees: marks and overrides of direction (which turn `exe.gnp` into `png.exe`), spaces without width, blank letters,
 * and tags, which can say to a program what a person does not read. One selector of a variant may follow an emoji or ideograph.
 */
const invisible =
  /(?![\u200c\u200d]|\p{Variation_Selector})\p{Default_Ignorable_Code_Point}|(?<![\p{Emoji}\p{Ideographic}])\p{Variation_Selector}/u;
/** Joiners belong into scripts that need them and into emoji made of several; anywhere else they only tell two names apart. */
const joiners =
  /(?<![\p{sc=Arab}\p{sc=Syrc}\p{sc=Deva}\p{sc=Beng}\p{sc=Guru}\p{sc=Gujr}\p{sc=Orya}\p{sc=Taml}\p{sc=Telu}\p{sc=Knda}\p{sc=Mlym}\p{sc=Sinh}\p{sc=Khmr}\p{sc=Mong}\p{M}])\u200c|(?<![\p{sc=Arab}\p{sc=Syrc}\p{sc=Deva}\p{sc=Beng}\p{sc=Guru}\p{sc=Gujr}\p{sc=Orya}\p{sc=Taml}\p{sc=Telu}\p{sc=Knda}\p{sc=Mlym}\p{sc=Sinh}\p{sc=Khmr}\p{sc=Mong}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}])\u200d/u;
/** Whether all of it can be seen and stored; for names, reasons and whatever else people read again. */
export const isPlainText = (value: string): boolean =>
  !control.test(value) && !invisible.test(value) && !joiners.test(value);
/** Whether it can be stored, and so be found; what people search for may hold what nobody sees. */
export const isStorable = (value: string): boolean => !/[\p{Cc}\p{Cs}]/u.test(value);
/** A text to search for; stands for itself. */
export const filterSchema = z
  .string()
  .trim()
  .max(100)
  .refine(isStorable, 'Control characters are not accepted');
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
