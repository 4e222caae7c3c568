import { z } from 'zod';
import { isPlainText, roleSchema } from '../api/contract.ts';

export const keyCreateSchema = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1, 'Enter a name')
    .max(100, 'At most 100 characters')
    .refine(isPlainText, 'Control characters are not accepted'),
  role: roleSchema.default('viewer'),
  /** What the key may do besides the procedures of its role, e.g. `metrics:read`, `ingest`. */
  scopes: z
    .array(z.string().regex(/^[a-z][a-z0-9]*(:[a-z][a-z0-9]*)?$/, 'Scopes look like metrics:read'))
    .max(50)
    .default([]),
  expiresAt: z.iso.datetime().nullish(),
});
export type KeyCreateInput = z.infer<typeof keyCreateSchema>;
