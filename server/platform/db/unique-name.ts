import { AppError } from '../errors.ts';

/** Does what writes a name that only one may have; when another has it, says so at the field `name`. `what` as in "a source". */
export async function uniqueName<T>(
  what: string,
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // Prisma's code of a unique index that was hit.
    if (error instanceof Error && 'code' in error && error.code === 'P2002') {
      const message = `There is ${what} named ${name} already`;
      throw new AppError('CONFLICT', `${message}.`, { fields: [{ path: 'name', message }] });
    }
    throw error;
  }
}
