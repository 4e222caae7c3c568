/** W3C Trace Context: https://www.w3.org/TR/trace-context/ */
import { randomBytes } from 'node:crypto';

const pattern = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;

/** The caller's trace id, or a new one when there is none that is valid. */
export function readTrace(header: string | string[] | undefined): string {
  const match = typeof header === 'string' ? pattern.exec(header) : null;
  const traceId = match?.[1];
  if (traceId && !/^0+$/.test(traceId) && !header?.toString().startsWith('ff')) return traceId;
  return randomBytes(16).toString('hex');
}
