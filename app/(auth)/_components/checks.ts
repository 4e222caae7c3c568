/** The same rules as the server's schemas, which stay out of these pages: they weigh more than the forms. */
const PASSWORD_MIN = 12;
export const passwordHelp = `At least ${PASSWORD_MIN} characters.`;

type Values = { email?: string; name?: string; password?: string };
export type Faults = { [K in keyof Values]?: string };

export function faultsOf({ email, name, password }: Values): Faults {
  const faults: Faults = {};
  if (email !== undefined && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email.trim())) {
    faults.email = 'Enter an e-mail address such as ada@example.com';
  }
  if (name !== undefined && name.trim() === '') faults.name = 'Enter a name';
  if (password !== undefined && password.length < PASSWORD_MIN) {
    faults.password = `At least ${PASSWORD_MIN} characters; this has ${password.length}`;
  }
  return faults;
}

/** What the server found wrong, at its field. */
export function serverFaults(fields: readonly { path: string; message: string }[]): Faults {
  return Object.fromEntries(fields.map(({ path, message }) => [path, message]));
}
