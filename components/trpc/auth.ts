/** Signing out: next-auth's own routes, without its client. Signing in is `public/auth.js`. */
async function csrfToken(): Promise<string> {
  const response = await fetch('/api/auth/csrf');
  const body: unknown = await response.json();
  if (typeof body === 'object' && body !== null && 'csrfToken' in body)
    return String(body.csrfToken);
  throw new Error('no CSRF token');
}

export async function signOut(): Promise<void> {
  const body = new URLSearchParams({
    csrfToken: await csrfToken(),
    callbackUrl: '/sign-in',
    json: 'true',
  });
  await fetch('/api/auth/signout', { method: 'POST', body });
  location.assign('/sign-in');
}
