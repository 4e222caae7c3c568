/** Where samples come from by themselves (scrape), and other stores that are asked (prometheus). Client-safe. */
import { z } from 'zod';
import { idPageSchema, isPlainText } from '../api/contract.ts';
import { LABEL_NAME } from '../metrics/contract.ts';

export const sourceKinds = ['scrape', 'prometheus'] as const;
export type SourceKind = (typeof sourceKinds)[number];
export const MAX_SOURCES = 500;

const URL_MESSAGE = 'Enter a URL that starts with https:// or http://';
const nameSchema = z
  .string('Enter a name')
  .trim()
  .min(1, 'Enter a name')
  .max(100, 'At most 100 characters')
  .refine(isPlainText, 'Control and invisible characters are not accepted');
const urlSchema = z
  .string(URL_MESSAGE)
  .trim()
  .max(2_000, 'At most 2000 characters')
  .refine((value) => /^https?:$/.test(URL.parse(value)?.protocol ?? ''), URL_MESSAGE)
  .refine(
    (value) => !/^[a-z]+:\/\/[^/?#]*@/i.test(value),
    'Leave user name and password out of the URL',
  );
const credential = z
  .string()
  .min(1, 'Must not be empty')
  .max(4_000, 'At most 4000 characters')
  .regex(/^[\x20-\x7e]+$/, 'Letters, digits and signs of ASCII');
const authSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({
    kind: z.literal('basic'),
    username: credential.regex(/^[^:]+$/, 'No colon'),
    password: credential,
  }),
  z.strictObject({ kind: z.literal('bearer'), token: credential }),
]);
export type SourceAuth = z.infer<typeof authSchema>;
const FORBIDDEN =
  /^(host|content-length|content-type|transfer-encoding|connection|upgrade|te|trailer|authorization|accept)$/i;
const headersSchema = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, 'The name of a header')
      .refine((name) => !FORBIDDEN.test(name), 'This header is set by the console'),
    credential,
  )
  .refine((headers) => Object.keys(headers).length <= 20, 'At most 20 headers');
const labelsSchema = z
  .record(
    z.string().regex(LABEL_NAME, 'The name of a label'),
    z.string().max(200).refine(isPlainText, 'Control and invisible characters are not accepted'),
  )
  .refine((labels) => Object.keys(labels).length <= 20, 'At most 20 labels');
const timeoutSchema = z
  .number()
  .int()
  .min(100, 'From 100 to 60000 ms')
  .max(60_000, 'From 100 to 60000 ms');
const intervalSchema = z
  .number()
  .int()
  .min(1, 'From 1 to 3600 seconds')
  .max(3_600, 'From 1 to 3600 seconds');

const basics = {
  name: nameSchema,
  url: urlSchema,
  auth: authSchema.default({ kind: 'none' }),
  /** Sent along, e.g. `X-Scope-OrgID`. Their values are secrets. */
  headers: headersSchema.default({}),
  /** False accepts any certificate. */
  verifyTls: z.boolean().default(true),
  paused: z.boolean().default(false),
};
const LONGER = 'Must not be longer than the interval';
export const createSourceSchema = z.discriminatedUnion(
  'kind',
  [
    z
      .strictObject({
        kind: z.literal('scrape'),
        ...basics,
        intervalSeconds: intervalSchema.default(15),
        timeoutMs: timeoutSchema.optional(),
        /** Every sample of this source gets them. */
        labels: labelsSchema.default({}),
      })
      .refine(({ intervalSeconds, timeoutMs = 0 }) => timeoutMs <= intervalSeconds * 1_000, {
        path: ['timeoutMs'],
        message: LONGER,
      }),
    z.strictObject({
      kind: z.literal('prometheus'),
      ...basics,
      timeoutMs: timeoutSchema.optional(),
    }),
  ],
  'kind is scrape or prometheus',
);
export type CreateSourceInput = z.output<typeof createSourceSchema>;
export const updateSourceSchema = z.strictObject({
  id: z.uuid(),
  name: nameSchema.optional(),
  url: urlSchema.optional(),
  auth: authSchema.optional(),
  headers: headersSchema.optional(),
  verifyTls: z.boolean().optional(),
  paused: z.boolean().optional(),
  intervalSeconds: intervalSchema.optional(),
  timeoutMs: timeoutSchema.optional(),
  labels: labelsSchema.optional(),
});
export type UpdateSourceInput = z.output<typeof updateSourceSchema>;
export const sourceIdSchema = z.strictObject({ id: z.uuid() });
export const sourceListSchema = idPageSchema.extend({
  kind: z.enum(sourceKinds, `One of ${sourceKinds.join(', ')}`).optional(),
});
export type SourceListInput = z.output<typeof sourceListSchema>;
export const sourceMetricsSchema = z.strictObject({
  id: z.uuid(),
  search: z.string().trim().max(100).refine(isPlainText).default(''),
});

export type SourceItem = {
  id: string;
  name: string;
  kind: SourceKind;
  url: string;
  auth: SourceAuth['kind'];
  username: string | null;
  /** Names only. */
  headers: string[];
  verifyTls: boolean;
  paused: boolean;
  /** Of prometheus sources 0. */
  intervalSeconds: number;
  timeoutMs: number;
  labels: Record<string, string>;
  /** Last scrape, or last question. */
  lastAt: string | null;
  lastError: string | null;
  lastSamples: number | null;
  createdBy: string;
  createdAt: string;
  updatedAt: string;
};
export type SourceTest = {
  ok: boolean;
  /** Plain sentence: what was seen. */
  detail: string;
  tookMs: number;
  /** Samples in the answer; null for a store. */
  samples: number | null;
  /** Lines that could not be read, at most 10. */
  faults: string[];
};
