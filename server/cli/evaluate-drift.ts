/** `evaluate drift FILE`: what `drift.compare` answers for a file. Needs no console and no store. */
import { z } from 'zod';
import { compareFeatures, compareSchema, pairOf } from '../drift/index.ts';
import { casesOf } from './cases.ts';

const caseSchema = z.object(compareSchema.shape);

/** The answer as text: one JSON document, or a line for each line of the file. */
export async function* evaluateDrift(file: string): AsyncGenerator<string> {
  for await (const { value, id } of casesOf(file, caseSchema)) {
    const answer = compareFeatures(value.features.map(pairOf), { alpha: value.alpha });
    yield `${JSON.stringify(id === undefined ? answer : { id, ...answer })}\n`;
  }
}
