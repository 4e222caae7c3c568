/**
 * What the scopes of a key or token mean. Pure and client-safe.
 *
 * - A capability (`ingest`, `webhook`, `metrics:read`) opens one way in for machines that no role opens. It restricts nothing.
 * - A procedure scope has a dot (`breakers.permit`, `breakers.*`, `health.targets.*`). Whoever holds one or more may call
 *   only what one of them names, within the role; who holds none may call all that the role allows.
 */
import { z } from 'zod';

/** The capabilities that the console itself asks for. */
export const capabilities = {
  ingest:
    'Send samples, traces, logs, predictions and labels: metrics.ingest, OTLP, remote write, models.predictions',
  webhook: 'Post alerts to the webhooks',
  'metrics:read': 'Read /metrics from another machine',
} as const;

/** The tool name of the live stream for scopes and policies; it is no procedure. */
export const STREAM_TOOL = 'stream.read';

const capabilityPattern = /^[a-z][a-z0-9_-]*(:[a-z][a-z0-9_-]*)*$/;
const procedurePattern = /^[a-z][A-Za-z0-9]*(\.[a-z][A-Za-z0-9]*)*\.([a-z][A-Za-z0-9]*|\*)$/;

const isProcedureScope = (scope: string): boolean => scope.includes('.');

const isScope = (scope: string): boolean =>
  (isProcedureScope(scope) ? procedurePattern : capabilityPattern).test(scope);

/** Whether `scope`, such as `breakers.*`, names `procedure`. */
export const scopeMatches = (scope: string, procedure: string): boolean =>
  scope.endsWith('.*') ? procedure.startsWith(scope.slice(0, -1)) : scope === procedure;

/** Whether these scopes leave `procedure` to the role; see above. */
export function scopesAllow(scopes: readonly string[], procedure: string): boolean {
  let restricted = false;
  for (const scope of scopes) {
    if (!isProcedureScope(scope)) continue;
    if (scopeMatches(scope, procedure)) return true;
    restricted = true;
  }
  return !restricted;
}

/** Whether who holds `own` may hand on `wanted`: who is restricted can give away no more than that. */
export const mayGrant = (own: readonly string[], wanted: readonly string[]): boolean =>
  !own.some(isProcedureScope) ||
  (wanted.some(isProcedureScope) &&
    wanted.every((scope) => own.some((each) => scopeMatches(each, scope))));

/** The procedure scopes among these that name nothing there is: probably misspelt. */
export const unknownScopes = (scopes: readonly string[], procedures: readonly string[]): string[] =>
  scopes.filter(
    (scope) =>
      isProcedureScope(scope) &&
      ![STREAM_TOOL, ...procedures].some((procedure) => scopeMatches(scope, procedure)),
  );

export const scopesSchema = z
  .array(
    z
      .string()
      .max(100)
      .refine(
        isScope,
        'Scopes look like ingest or metrics:read, or name procedures: breakers.permit, breakers.*',
      ),
  )
  .max(50, 'At most 50 scopes')
  .transform((scopes) => [...new Set(scopes)]);
