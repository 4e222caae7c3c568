/**
 * The closed set of errors. `publicMessage` may reach a client; the cause never does.
 * Mapped once for tRPC (`server/api/trpc.ts`) and once for other routes (`server/http/problem.ts`).
 */
export const errorCodes = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  TOO_MANY_REQUESTS: 429,
  INTERNAL_SERVER_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
} as const;
export type ErrorCode = keyof typeof errorCodes;

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly publicMessage: string;
  readonly fields: { path: string; message: string }[] | undefined;

  constructor(
    code: ErrorCode,
    publicMessage: string,
    options: { cause?: unknown; fields?: { path: string; message: string }[] } = {},
  ) {
    super(publicMessage, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.publicMessage = publicMessage;
    this.fields = options.fields;
  }
}

const unreachable = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '08000',
  '08001',
  '08003',
  '08006',
  '53300', // too_many_connections
  'P1001',
  'P1002',
  'P1008',
  'P1017',
  'P2024',
  // How Prisma's adapter words it when it does not wrap it.
  'ConnectionClosed',
  'DatabaseNotReachable',
  'SocketTimeout',
  'TooManyConnections',
  'P2028', // the transaction could not begin in time, or its connection is gone
]);

/** Whether an error says that PostgreSQL (or another peer) could not be reached, as opposed to refusing the statement. */
export function isUnreachable(error: unknown): boolean {
  for (let depth = 0, e: unknown = error; depth < 6 && e instanceof Error; depth++) {
    if ('code' in e && typeof e.code === 'string' && unreachable.has(e.code)) return true;
    if (e.name === 'DriverAdapterError' && unreachable.has(e.message)) return true;
    if (
      /timeout exceeded when trying to connect|Connection terminated|server (has )?closed the connection|Can't reach database|connection error and is not queryable|Client was closed|Code: `(57P0[123]|080\d\d|53300)`|\b(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT)\b/i.test(
        e.message,
      )
    ) {
      return true;
    }
    if (e instanceof AggregateError && e.errors.some(isUnreachable)) return true;
    e = e.cause;
  }
  return false;
}
