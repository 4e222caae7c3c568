/** `evaluate breaker FILE`: a time line replayed on the breakers' own machine. Needs no console and no store. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { replay, timelineSchema } from '../breakers/index.ts';
import { PlainError } from '../platform/plain-error.ts';

const MAX_BYTES = 64 * 1024 * 1024;
const SHOWN = 10;

/** The answer as text: a JSON array with an entry for each event, in order. */
export async function* evaluateBreaker(file: string): AsyncGenerator<string> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new PlainError(`${file}: ${error.message}`);
  });
  if (text.length > MAX_BYTES) throw new PlainError(`${file} is longer than ${MAX_BYTES} bytes.`);
  const timeline = timelineSchema.safeParse(parse(text, file));
  if (!timeline.success) {
    const faults = timeline.error.issues
      .slice(0, SHOWN)
      .map((issue) => `${z.core.toDotPath(issue.path) || 'the file'}: ${issue.message}`);
    throw new PlainError(`${file} is no time line. ${faults.join('; ')}.`);
  }
  yield `${JSON.stringify(replay(timeline.data))}\n`;
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    throw new PlainError(`${file} is no JSON.`);
  }
}
