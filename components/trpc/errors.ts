/** What a failed call means to a page, whichever way it failed. */
import type { ErrorData, FieldError } from '../../server/api/contract.ts';

export type Failure = {
  /** One sentence that can be shown. */
  message: string;
  /** 0 when no answer came. */
  status: number;
  requestId: string | null;
  fields: readonly FieldError[];
};

/** An answer that is no tRPC document: refused by the host before any procedure was asked. */
export class RefusedError extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

const OFFLINE = 'The console does not answer. It is tried again by itself.';

function isErrorData(value: unknown): value is ErrorData {
  return typeof value === 'object' && value !== null && 'httpStatus' in value;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof Error) {
    const refused = error instanceof RefusedError ? error : error.cause;
    if (refused instanceof RefusedError) return refused.failure;
    if ('data' in error && isErrorData(error.data)) {
      const { httpStatus, requestId, fields } = error.data;
      return { message: error.message, status: httpStatus, requestId, fields: fields ?? [] };
    }
  }
  return { message: OFFLINE, status: 0, requestId: null, fields: [] };
}

/** Reads RFC 9457 problem details; null when the response is something else. */
export async function refusalOf(response: Response): Promise<RefusedError | null> {
  const type = response.headers.get('content-type') ?? '';
  const requestId = response.headers.get('x-request-id');
  if (type.includes('application/json')) return null;
  const problem: unknown = type.includes('problem+json')
    ? await response.json().catch(() => null)
    : null;
  const detail =
    typeof problem === 'object' && problem !== null && 'detail' in problem ? problem.detail : null;
  const message = typeof detail === 'string' ? detail : OFFLINE;
  return new RefusedError({ message, status: response.status, requestId, fields: [] });
}

/** Worth another try: nobody answered, or the answer was that somebody else does not. */
export function isTransient(error: unknown): boolean {
  const { status } = failureOf(error);
  return status === 0 || status === 429 || status >= 502;
}
