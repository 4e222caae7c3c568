/** The command line, by `node:util` parseArgs. */
import { parseArgs } from 'node:util';

export class UsageError extends Error {}

export type Answer = {
  text: string;
  data: unknown;
  ok: boolean;
  /** A long answer, written as it is made, in place of both of the others. */
  pieces?: AsyncIterable<string>;
};
export type Command = {
  /** Words, e.g. `['keys', 'create']`. */
  words: readonly string[];
  summary: string;
  /** One word after them, as it is called in the help; it is given to `run` under this name. */
  argument?: string;
  /** Option name → what it takes; required ones end in `!`. */
  options: Readonly<Record<string, string>>;
  run(options: Readonly<Record<string, string | boolean | undefined>>): Promise<Answer>;
};

/** Finds the command; null stands for help. */
export function parseCommand(argv: readonly string[], commands: readonly Command[]) {
  const words: string[] = [];
  for (const word of argv) {
    if (word.startsWith('-')) break;
    words.push(word);
  }
  const rest = argv.slice(words.length);
  const help = rest.includes('--help') || rest.includes('-h') || words[0] === 'help';
  if (help || argv.length === 0) return { command: null, options: { json: false } };
  const command = commands.find(
    (entry) =>
      entry.words.every((word, i) => words[i] === word) &&
      (words.length === entry.words.length ||
        (entry.argument !== undefined && words.length === entry.words.length + 1)),
  );
  if (!command) throw new UsageError(`There is no command "${words.join(' ')}".`);
  const argument = command.argument ? { [command.argument]: words[command.words.length] } : {};
  if (command.argument && argument[command.argument] === undefined)
    throw new UsageError(`${command.argument} is missing.`);
  const names = Object.keys(command.options);
  const values: Record<string, string | boolean | undefined> = readArgs(rest, names).values;
  for (const name of names) {
    if (command.options[name]?.endsWith('!') && values[name] === undefined) {
      throw new UsageError(`--${name} is missing: ${command.options[name].slice(0, -1)}.`);
    }
  }
  return { command, options: { ...values, ...argument, json: values.json === true } };
}

function readArgs(args: readonly string[], names: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        ...Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
        json: { type: 'boolean' as const },
      },
      strict: true,
      allowPositionals: false,
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'The options cannot be read.');
  }
}
