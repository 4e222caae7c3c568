/** What the form holds, and how it becomes the input of the API. Pure; comes with the dialog, not with the page. */
import {
  type CreateSourceInput,
  createSourceSchema,
  type SourceAuth,
  type SourceItem,
  type SourceKind,
  type UpdateSourceInput,
  updateSourceSchema,
} from '../../../../server/sources/contract.ts';

export type Values = {
  kind: SourceKind;
  name: string;
  url: string;
  intervalSeconds: string;
  timeoutMs: string;
  auth: SourceAuth['kind'];
  username: string;
  password: string;
  token: string;
  headers: string;
  labels: string;
  verifyTls: 'yes' | 'no';
};
type Faults = Partial<Record<string, string>>;
type Checked<T> = { input: T | null; faults: Faults };

export function valuesOf(source: SourceItem | null): Values {
  return {
    kind: source?.kind ?? 'scrape',
    name: source?.name ?? '',
    url: source?.url ?? '',
    intervalSeconds: String(source?.intervalSeconds || 15),
    timeoutMs: String(source?.timeoutMs ?? 10_000),
    auth: source?.auth ?? 'none',
    username: source?.username ?? '',
    password: '',
    token: '',
    headers: '',
    labels: Object.entries(source?.labels ?? {})
      .map(([name, value]) => `${name}=${value}`)
      .join('\n'),
    verifyTls: source?.verifyTls === false ? 'no' : 'yes',
  };
}

/** Lines of two parts; a line without its sign keeps an empty second part and is refused by the schema or the server. */
function pairs(text: string, sign: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean)
      .map((line) => {
        const at = line.indexOf(sign);
        return at < 0 ? [line, ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
      }),
  );
}

function authOf({ auth, username, password, token }: Values) {
  if (auth === 'basic') return { kind: auth, username, password };
  if (auth === 'bearer') return { kind: auth, token };
  return { kind: auth };
}

const fieldOf = (path: readonly PropertyKey[]): string => {
  const [first, second] = path.map(String);
  return first === 'auth' && second !== undefined && second !== 'kind' ? second : (first ?? '');
};
function checked<T>(
  result:
    | { success: true; data: T }
    | {
        success: false;
        error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] };
      },
): Checked<T> {
  if (result.success) return { input: result.data, faults: {} };
  const faults: Faults = {};
  for (const { path, message } of result.error.issues) faults[fieldOf(path)] ??= message;
  return { input: null, faults };
}

const common = (values: Values) => ({
  name: values.name,
  url: values.url,
  timeoutMs: Number(values.timeoutMs),
  verifyTls: values.verifyTls === 'yes',
  ...(values.kind === 'scrape'
    ? { intervalSeconds: Number(values.intervalSeconds), labels: pairs(values.labels, '=') }
    : {}),
});

export function checkNew(values: Values): Checked<CreateSourceInput> {
  return checked(
    createSourceSchema.safeParse({
      kind: values.kind,
      ...common(values),
      auth: authOf(values),
      headers: pairs(values.headers, ':'),
    }),
  );
}

/** Secrets that are left empty stay as they are. */
export function checkChange(values: Values, source: SourceItem): Checked<UpdateSourceInput> {
  const sameAuth =
    values.auth === source.auth &&
    values.username === (source.username ?? '') &&
    values.password === '' &&
    values.token === '';
  return checked(
    updateSourceSchema.safeParse({
      id: source.id,
      ...common(values),
      ...(sameAuth ? {} : { auth: authOf(values) }),
      ...(values.headers.trim() === '' ? {} : { headers: pairs(values.headers, ':') }),
    }),
  );
}
