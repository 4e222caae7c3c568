/**
 * A mistake of the outside world (a port in use, a folder that cannot be written, a wrong password) told in one plain sentence
 * to the person at the terminal. `server/main.ts` and the scripts print the message alone and exit with code 1.
 */
export class PlainError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'PlainError';
  }
}
