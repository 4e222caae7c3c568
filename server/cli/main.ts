/**
 * Administration without a browser: same configuration and database as `npm start`, also while it runs.
 * Answers go to standard output (`--json` for machines), faults to standard error; exit code 1 for a fault,
 * 2 for a wrong command line.
 */
import { once } from 'node:events';
import { AppError } from '../platform/errors.ts';
import { scrub } from '../platform/log.ts';
import { PlainError } from '../platform/plain-error.ts';
import { commands, usage } from './commands.ts';
import { type Answer, parseCommand, UsageError } from './parse.ts';

try {
  const { command, options } = parseCommand(process.argv.slice(2), commands);
  const answer: Answer =
    command === null ? { text: usage(), data: null, ok: true } : await command.run(options);
  if (answer.pieces) {
    for await (const piece of answer.pieces)
      if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
  } else {
    process.stdout.write(
      options.json && answer.data !== null
        ? `${JSON.stringify(answer.data)}\n`
        : `${answer.text}\n`,
    );
  }
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\n${usage()}\n`);
    process.exitCode = 2;
  } else {
    const plain = error instanceof PlainError || error instanceof AppError;
    const text = plain
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
    process.stderr.write(`${scrub(text)}\n`);
    process.exitCode = 1;
  }
}
