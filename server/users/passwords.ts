/** argon2id with a gate: two at a time, a bounded queue, so that a flood of sign-ins cannot take the memory. */
import { hash, verify } from '@node-rs/argon2';
import { AppError } from '../platform/errors.ts';

const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const AT_ONCE = 2;
const MAX_WAITING = 64;

export type Passwords = {
  hash(password: string): Promise<string>;
  /** With no stored hash a dummy is checked, so that the time tells nothing. */
  matches(stored: string | null, password: string): Promise<boolean>;
};

export function createPasswords(): Passwords {
  let running = 0;
  const waiting: (() => void)[] = [];
  const gate = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= AT_ONCE) {
      if (waiting.length >= MAX_WAITING) {
        throw new AppError(
          'TOO_MANY_REQUESTS',
          'Too many people sign in at once. Try again shortly.',
        );
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running++;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
  let dummy: Promise<string> | null = null;
  return {
    hash: (password) => gate(() => hash(password, parameters)),
    matches: (stored, password) =>
      gate(async () => {
        dummy ??= hash('no such account', parameters);
        const right = await verify(stored ?? (await dummy), password).catch(() => false);
        return stored !== null && right;
      }),
  };
}
