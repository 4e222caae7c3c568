/** Signing in and out: next-auth's own routes, without its client. */
type SignInResult = { ok: true } | { ok: false; message: string };

async function csrfToken(): Promise<string> {
  const response = await fetch('/api/auth/csrf');
  const body: unknown = await response.json();
  if (typeof body === 'object' && body !== null && 'csrfToken' in body)
    return String(body.csrfToken);
  throw new Error('no CSRF token');
}

async function post(path: string, fields: Record<string, string>): Promise<URL> {
  const body = new URLSearchParams({ ...fields, csrfToken: await csrfToken(), json: 'true' });
  const response = await fetch(`/api/auth/${path}`, { method: 'POST', body });
  const answer: unknown = await response.json();
  const url = typeof answer === 'object' && answer !== null && 'url' in answer ? answer.url : null;
  return new URL(String(url ?? '/'), location.origin);
}

const UNAVAILABLE = 'Sign-in is not available at the moment. Try again shortly.';

/** What the sign-in page says for next-auth's `error`. */
export function refusalText(error: string): string {
  const [reason, seconds] = error.split(':');
  const wait = seconds ? ` Try again in ${seconds} s.` : ' Try again shortly.';
  switch (reason) {
    case 'invalid':
    case 'CredentialsSignin':
      return 'The e-mail address or the password is wrong.';
    case 'locked':
      return `Too many failed attempts.${wait}`;
    case 'busy':
      return `Many people are signing in at once.${wait}`;
    case 'AccessDenied':
      return 'There is no active account for this identity. Ask an admin for an invitation.';
    case 'SessionRequired':
      return 'Sign in to continue.';
    case 'unavailable':
      return UNAVAILABLE;
    default:
      return 'Sign-in did not work. Try again, or use another way.';
  }
}

export async function signInWithPassword(email: string, password: string): Promise<SignInResult> {
  try {
    const url = await post('callback/credentials', { email, password, callbackUrl: '/' });
    const error = url.searchParams.get('error');
    return error ? { ok: false, message: refusalText(error) } : { ok: true };
  } catch {
    return { ok: false, message: UNAVAILABLE };
  }
}

/** Leaves for the identity provider, which comes back to `callbackUrl`. */
export async function signInWithOidc(callbackUrl: string): Promise<SignInResult> {
  try {
    location.assign(await post('signin/oidc', { callbackUrl }));
    return { ok: true };
  } catch {
    return { ok: false, message: UNAVAILABLE };
  }
}

export async function signOut(): Promise<void> {
  await post('signout', { callbackUrl: '/sign-in' });
  location.assign('/sign-in');
}
