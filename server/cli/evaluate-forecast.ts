/** `evaluate forecast FILE`: what `forecasts.compute` answers for a file. Needs no console and no store. */
import { performance } from 'node:perf_hooks';
import { z } from 'zod';
import { computeSchema, forecastSeries, momentOf } from '../forecasts/index.ts';
import { PlainError } from '../platform/plain-error.ts';
import { casesOf } from './cases.ts';

const { series, ...rest } = computeSchema.shape;
const caseSchema = z.object({
  series: z.array(z.object({ ...series.element.shape, at: series.element.shape.at.optional() })),
  ...rest,
});

/** The answer as text: one JSON document, or a line for each line of the file. Without times the points have none. */
export async function* evaluateForecast(file: string): AsyncGenerator<string> {
  for await (const { value, id, where } of casesOf(file, caseSchema)) {
    const began = performance.now();
    const input = {
      ...value,
      series: value.series.map(({ at, value }) => ({
        at: at === undefined ? null : momentOf(at),
        value,
      })),
    };
    const answer = forecastOf(where, () =>
      forecastSeries(input, { elapsed: () => performance.now() - began }),
    );
    const points = answer.points.map(({ at, ...point }) => (at === '' ? point : { at, ...point }));
    yield `${JSON.stringify({ ...(id === undefined ? {} : { id }), ...answer, points })}\n`;
  }
}

function forecastOf<T>(where: string, compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    throw new PlainError(`${where}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
