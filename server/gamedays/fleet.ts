/** The supervisor of the demo fleet, as `scripts/demo/fleet.ts` serves it. Without it every call says so. */
import { z } from 'zod';
import { AppError } from '../platform/errors.ts';
import type { HttpClient } from '../platform/http-client.ts';
import { type Fault, START_COMMAND } from './contract.ts';

const TIMEOUT_MS = 3_000;
/** Taking out a fault may mean to start a process, which the supervisor waits for. */
const CHANGE_TIMEOUT_MS = 15_000;

const faultSchema = z.enum(['none', 'kill', 'hang', 'latency', 'errors', 'leak', 'body']);
const serviceSchema = z.object({
  name: z.string().max(100),
  kind: z.string().max(20).default('http'),
  url: z.string().max(2_000),
  alive: z.boolean(),
  fault: faultSchema,
  accepts: z.array(faultSchema),
  restarts: z.number().int(),
  dependsOn: z.array(z.string()),
});
const answerSchema = z.object({ services: z.array(serviceSchema).max(200) });
const refusalSchema = z.object({ error: z.string().max(500) });
export type SupervisedService = z.output<typeof serviceSchema>;

export type FleetClient = {
  services(): Promise<SupervisedService[]>;
  /** Puts a fault in; `none` makes the service whole again. */
  setFault(service: string, fault: Fault | 'none', latencyMs?: number): Promise<void>;
};

export function createFleetClient(
  http: HttpClient,
  fleet: { url: string; token: string } | null,
): FleetClient {
  const ask = async (path: string, body?: object): Promise<unknown> => {
    if (!fleet) {
      throw new AppError(
        'CONFLICT',
        `No demo fleet is connected. Start one with ${START_COMMAND}.`,
      );
    }
    let answer: Awaited<ReturnType<HttpClient['send']>>;
    try {
      answer = await http.send({
        url: `${fleet.url}${path}`,
        method: body ? 'POST' : 'GET',
        headers: {
          authorization: `Bearer ${fleet.token}`,
          ...(body ? { 'content-type': 'application/json' } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
        timeoutMs: body ? CHANGE_TIMEOUT_MS : TIMEOUT_MS,
      });
    } catch (cause) {
      throw new AppError('SERVICE_UNAVAILABLE', 'The demo fleet does not answer.', { cause });
    }
    const content = parse(answer.body.toString('utf8'));
    if (answer.status === 200) return content;
    const why = refusalSchema.safeParse(content).data?.error ?? `status ${answer.status}`;
    throw new AppError('SERVICE_UNAVAILABLE', `The demo fleet refused: ${why}.`);
  };
  return {
    async services() {
      const parsed = answerSchema.safeParse(await ask('/services'));
      if (parsed.success) return parsed.data.services;
      throw new AppError('SERVICE_UNAVAILABLE', 'The demo fleet answered something else.', {
        cause: parsed.error,
      });
    },
    async setFault(service, fault, latencyMs) {
      await ask('/faults', { service, fault, latencyMs });
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
