/** Cases for `evaluate`: one JSON document, or one on each line. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { PlainError } from '../platform/plain-error.ts';

const MAX_DOCUMENT = 256 * 1024 * 1024;
const SHOWN = 5;

/** Every case of the file in order, checked; `where` is its place, for messages. */
export async function* casesOf<T>(
  file: string,
  schema: z.ZodType<T>,
): AsyncGenerator<{ value: T; id: string | number | undefined; where: string }> {
  if (!(await isLines(file))) {
    const text = await readFile(file, 'utf8').catch(failed(file));
    yield { ...check(file, read(text, file), schema), where: file };
    return;
  }
  let line = 0;
  for await (const text of linesOf(file)) {
    line++;
    const where = `${file}, line ${line}`;
    if (text.trim() !== '') yield { ...check(where, read(text, where), schema), where };
  }
}

/** A first line that is a whole document with more behind it. */
async function isLines(file: string): Promise<boolean> {
  let whole = false;
  try {
    for await (const text of linesOf(file)) {
      if (text.trim() === '') continue;
      if (whole) return true;
      try {
        JSON.parse(text.replace(/^\uFEFF/, ''));
        whole = true;
      } catch {
        return false;
      }
    }
  } catch (error) {
    failed(file)(error);
  }
  return /\.jsonl$|\.ndjson$/i.test(file);
}

const linesOf = (file: string) =>
  createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });

function failed(file: string) {
  return (error: unknown): never => {
    throw new PlainError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  };
}

function read(text: string, where: string): unknown {
  if (text.length > MAX_DOCUMENT)
    throw new PlainError(`${where}: longer than ${MAX_DOCUMENT} characters.`);
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    const why = /\b(NaN|Infinity)\b/.test(text)
      ? 'NaN and Infinity are no JSON; write null or "Infinity"'
      : String(error instanceof Error ? error.message : error).slice(0, 200);
    throw new PlainError(`${where} is no JSON: ${why}.`);
  }
}

const idSchema = z.object({ id: z.union([z.string(), z.number()]).optional() });

function check<T>(where: string, document: unknown, schema: z.ZodType<T>) {
  const parsed = schema.safeParse(document);
  if (!parsed.success) {
    const faults = parsed.error.issues
      .slice(0, SHOWN)
      .map((issue) => `${z.core.toDotPath(issue.path) || 'the case'}: ${issue.message}`);
    throw new PlainError(`${where}: ${faults.join('; ')}.`);
  }
  const id = idSchema.safeParse(document);
  return { value: parsed.data, id: id.success ? id.data.id : undefined };
}
