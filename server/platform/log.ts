/**
 * Structured logs (pino). Lines go to files in the data folder, rotated daily and at 20 MiB with 14 kept,
 * to standard output, or both. Secrets never reach a line: known field names are redacted, and texts are
 * scrubbed of credentials in URLs, of keys and of bearer tokens.
 */
import path from 'node:path';
import pino, { type Logger, multistream } from 'pino';
import pinoRoll from 'pino-roll';

export type Log = Logger;

const secretFields = [
  'password',
  'passwordHash',
  'current',
  'secret',
  'token',
  'key',
  'authorization',
  'cookie',
  'clientSecret',
  'connectionString',
];
const redact = {
  paths: secretFields.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
  censor: '[redacted]',
};

/** Removes credentials from free text such as error messages. */
export function scrub(text: string): string {
  return (
    text
      // Up to the last @ before a slash: passwords are not always encoded.
      .replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/]+@/gi, '$1***@')
      .replace(/\bwh_[A-Za-z0-9]{8,}(?:_[A-Za-z0-9]+)?/g, 'wh_***')
      .replace(/\bwhsec_[A-Za-z0-9+/=_-]{8,}/g, 'whsec_***')
      .replace(/\beyJ[\w-]{8,}\.[\w-]+(\.[\w-]*)?/g, 'eyJ***')
      .replace(/\b(bearer)\s+[^\s"]+/gi, '$1 ***')
      .replace(/([?&](?:token|password|secret|key)=)[^&\s"]+/gi, '$1***')
  );
}

function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return {
    type: error.name,
    message: scrub(error.message),
    stack: error.stack ? scrub(error.stack) : undefined,
    ...('code' in error ? { code: error.code } : {}),
    ...(error.cause instanceof Error
      ? { cause: { type: error.cause.name, message: scrub(error.cause.message) } }
      : {}),
  };
}

export async function createLog(options: {
  level: string;
  output: 'file' | 'stdout' | 'both';
  dataDir: string;
}): Promise<{ log: Log; close(): Promise<void> }> {
  const streams: { level: 'trace'; stream: pino.DestinationStream }[] = [];
  const file =
    options.output === 'stdout'
      ? null
      : await pinoRoll({
          file: path.join(options.dataDir, 'logs', 'console'),
          extension: '.log',
          frequency: 'daily',
          dateFormat: 'yyyy-MM-dd',
          size: '20m',
          limit: { count: 14 },
          mkdir: true,
        });
  if (file) streams.push({ level: 'trace', stream: file });
  if (options.output !== 'file') {
    streams.push({ level: 'trace', stream: pino.destination({ dest: 1, sync: false }) });
  }
  const log = pino(
    {
      level: options.level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact,
      serializers: { err: serializeError },
    },
    multistream(streams),
  );
  return {
    log,
    close: () =>
      new Promise((resolve) => {
        if (!file) return resolve();
        file.once('close', () => resolve());
        file.once('error', () => resolve());
        file.end();
      }),
  };
}

/** For tests and tools. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}
