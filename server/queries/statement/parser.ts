/** PostgreSQL's parser, loaded once per thread. Only worker threads and the command line load it: it is 2 MB of WebAssembly. */
import * as library from '@libpg-query/parser';

await library.loadModule();

/** Longer texts are not parsed: their tree would take hundreds of megabytes. */
export const MAX_PARSED = 1_000_000;

export const { hasSqlDetails, parseSync, deparseSync, fingerprintSync, normalizeSync, scanSync } =
  library;
