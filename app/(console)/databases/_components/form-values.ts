/** What the form holds, and how it becomes the input of the API. Pure; comes with the sheet, not with the page. */
import {
  type CreateDatabaseInput,
  createDatabaseSchema,
  type DatabaseItem,
  type UpdateDatabaseInput,
  updateDatabaseSchema,
} from '../../../../server/queries/contract.ts';

export type Values = {
  name: string;
  url: string;
  applyUrl: string;
  slowMs: string;
  keepParameters: 'yes' | 'no';
  test: 'yes' | 'no';
};
type Checked<T> = { input: T | null; faults: Partial<Record<string, string>> };

export const valuesOf = (database: DatabaseItem | null): Values => ({
  name: database?.name ?? '',
  url: '',
  applyUrl: '',
  slowMs: String(database?.slowMs ?? 100),
  keepParameters: database?.keepParameters ? 'yes' : 'no',
  test: 'yes',
});

type Result<T> =
  | { success: true; data: T }
  | {
      success: false;
      error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] };
    };
function checked<T>(result: Result<T>): Checked<T> {
  if (result.success) return { input: result.data, faults: {} };
  const faults: Partial<Record<string, string>> = {};
  for (const { path, message } of result.error.issues) faults[String(path[0])] ??= message;
  return { input: null, faults };
}
const common = (values: Values) => ({
  name: values.name,
  slowMs: values.slowMs.trim() === '' ? Number.NaN : Number(values.slowMs),
  keepParameters: values.keepParameters === 'yes',
  test: values.test === 'yes',
});

export const checkNew = (values: Values): Checked<CreateDatabaseInput> =>
  checked(
    createDatabaseSchema.safeParse({
      ...common(values),
      url: values.url,
      ...(values.applyUrl.trim() === '' ? {} : { applyUrl: values.applyUrl }),
    }),
  );

/** URLs that are left empty stay as they are. */
export const checkChange = (values: Values, id: string): Checked<UpdateDatabaseInput> =>
  checked(
    updateDatabaseSchema.safeParse({
      id,
      ...common(values),
      ...(values.url.trim() === '' ? {} : { url: values.url }),
      ...(values.applyUrl.trim() === '' ? {} : { applyUrl: values.applyUrl }),
    }),
  );
