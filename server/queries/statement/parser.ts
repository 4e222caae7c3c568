/** PostgreSQL's parser, loaded once per thread. Only worker threads and the command line load it: it is 2 MB of WebAssembly. */
import { createRequire } from 'node:module';

type Library = typeof import('@libpg-query/parser');
const require = createRequire(import.meta.url);
const NAME = '@libpg-query/parser';

async function load(): Promise<Library> {
  // A new instance, with memory of its own.
  delete require.cache[require.resolve(NAME)];
  // The package's own declarations say what it is.
  const fresh = require(NAME) as Library;
  await fresh.loadModule();
  return fresh;
}
let library = await load();
let mending: Promise<void> | null = null;

/** Longer texts are not parsed: their tree would take hundreds of megabytes. */
export const MAX_PARSED = 1_000_000;

/**
 * A text that is nested too deeply exhausts the parser's stack, and leaves its memory in disorder for good: after some thirty
 * of them it fails for every text. So it is replaced; each task waits for that before it begins.
 */
export const mended = async (): Promise<void> => {
  await mending;
};

/** Whether a fault is the parser's and not the text's: its stack was exhausted. */
export const isBroken = (error: unknown): boolean =>
  error instanceof RangeError ||
  error instanceof WebAssembly.RuntimeError ||
  (error instanceof Error && /out of bounds|call stack|unreachable/i.test(error.message));

function guarded<R>(ask: (library: Library, text: string) => R): (text: string) => R {
  return (text) => {
    try {
      return ask(library, text);
    } catch (error) {
      if (isBroken(error) && mending === null) {
        mending = load().then((fresh) => {
          library = fresh;
          mending = null;
        });
      }
      throw error;
    }
  };
}
export const hasSqlDetails: Library['hasSqlDetails'] = (error) => library.hasSqlDetails(error);
export const parseSync = guarded((parser, text) => parser.parseSync(text));
export const parsePlPgSQLSync = guarded((parser, text) => parser.parsePlPgSQLSync(text));
export const fingerprintSync = guarded((parser, text) => parser.fingerprintSync(text));
export const normalizeSync = guarded((parser, text) => parser.normalizeSync(text));
export const scanSync = guarded((parser, text) => parser.scanSync(text));
export const deparseSync: Library['deparseSync'] = (tree) => library.deparseSync(tree);
