// Drives the pages outside the console: sign-in, set-up, invitation. Their HTML comes from app/(auth); the server's
// schemas check everything again, and what they find is shown at the field.

/** @typedef {{ message: string, status: number, fields: { path: string, message: string }[] }} Failure */

(() => {
  const page = document.querySelector('[data-auth]');
  if (!page) return;
  const kind = page.dataset.auth;
  const query = new URLSearchParams(location.search);
  const form = page.querySelector('form');
  /** @type {(name: string) => HTMLInputElement} */
  const field = (name) => form.querySelector(`[name="${name}"]`);

  /**
   * Only a place on this console: anything else could lead a person away.
   * @returns {string}
   */
  function safeNext() {
    const next = query.get('next');
    if (!next?.startsWith('/')) return '/';
    const url = new URL(next, location.origin);
    return url.origin === location.origin ? url.pathname + url.search + url.hash : '/';
  }

  const OFFLINE = 'The console does not answer. Try again in a moment.';

  /**
   * Calls a procedure that needs no session.
   * @param {string} name
   * @param {RequestInit} [init]
   * @returns {Promise<{ data?: any, failure?: Failure }>}
   */
  async function call(name, init) {
    try {
      const response = await fetch(`/api/trpc/users.${name}`, init);
      const body = await response.json();
      if (body.result) return { data: body.result.data };
      const { message, data } = body.error ?? {};
      return {
        failure: {
          message: message ?? body.detail ?? OFFLINE,
          status: data?.httpStatus ?? response.status,
          fields: data?.fields ?? [],
        },
      };
    } catch {
      return { failure: { message: OFFLINE, status: 0, fields: [] } };
    }
  }
  const post = (input) => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(input),
  });

  /**
   * Asks next-auth, with its own token against forged requests; answers the address it names.
   * @param {string} path
   * @param {Record<string, string>} fields
   * @returns {Promise<URL>}
   */
  async function auth(path, fields) {
    const { csrfToken } = await (await fetch('/api/auth/csrf')).json();
    const body = new URLSearchParams({ ...fields, csrfToken, json: 'true' });
    const response = await fetch(`/api/auth/${path}`, { method: 'POST', body });
    const { url } = await response.json();
    return new URL(url ?? '/', location.origin);
  }

  const UNAVAILABLE = 'Sign-in is not available at the moment. Try again shortly.';
  /** @type {(error: string) => string} */
  function refusalText(error) {
    const [reason, seconds] = error.split(':');
    const wait = seconds ? ` Try again in ${seconds} s.` : ' Try again shortly.';
    const texts = {
      invalid: 'The e-mail address or the password is wrong.',
      CredentialsSignin: 'The e-mail address or the password is wrong.',
      locked: `Too many failed attempts.${wait}`,
      busy: `Many people are signing in at once.${wait}`,
      AccessDenied: 'There is no active account for this identity. Ask an admin for an invitation.',
      SessionRequired: 'Sign in to continue.',
      unavailable: UNAVAILABLE,
    };
    return texts[reason] ?? 'Sign-in did not work. Try again, or use another way.';
  }

  /**
   * Null when it worked, else why not.
   * @type {(email: string, password: string) => Promise<string | null>}
   */
  async function signIn(email, password) {
    try {
      const url = await auth('callback/credentials', { email, password, callbackUrl: '/' });
      const error = url.searchParams.get('error');
      return error ? refusalText(error) : null;
    } catch {
      return UNAVAILABLE;
    }
  }

  /**
   * The same rules as the server's, so that most mistakes are told before anything is sent.
   * @type {Record<string, (value: string) => string | null>}
   */
  const rules = {
    email: (value) =>
      /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value.trim())
        ? null
        : 'Enter an e-mail address such as ada@example.com',
    name: (value) => (value.trim() ? null : 'Enter a name'),
    password: (value) =>
      value.length >= 12 ? null : `At least 12 characters; this has ${value.length}`,
  };

  /** @type {(input: HTMLInputElement, fault: string | null) => void} */
  function setFault(input, fault) {
    const note = document.getElementById(`${input.id}-note`);
    note.textContent = fault ?? note.dataset.help;
    note.toggleAttribute('data-fault', Boolean(fault));
    if (fault) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  }
  function say(text, within = form) {
    within.querySelector('[data-message]').textContent = text ?? '';
  }
  function busy(on) {
    const button = form.querySelector('[type="submit"]');
    if (on) button.setAttribute('aria-busy', 'true');
    else button.removeAttribute('aria-busy');
    button.disabled = on;
  }
  function show(state) {
    for (const part of page.querySelectorAll('[data-when]'))
      part.hidden = part.dataset.when !== state;
  }
  function fail(text, retry) {
    show('failed');
    const part = page.querySelector('[data-when="failed"]');
    say(text, part);
    part.querySelector('[data-retry]').hidden = !retry;
  }
  /**
   * Sends once at a time; `work` answers whether the page is being left.
   * @param {(values: Record<string, string>) => Promise<boolean>} work
   */
  function onSubmit(work) {
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      busy(true);
      say(null);
      const leaving = await work(Object.fromEntries(new FormData(form)));
      if (!leaving) busy(false);
    });
  }

  for (const button of page.querySelectorAll('[data-reveal]')) {
    button.addEventListener('click', () => {
      const input = document.getElementById(button.dataset.reveal);
      const visible = input.type === 'password';
      input.type = visible ? 'text' : 'password';
      button.setAttribute('aria-pressed', String(visible));
      button.setAttribute('aria-label', visible ? 'Hide the password' : 'Show the password');
    });
  }

  function startSignIn() {
    const given = query.get('error');
    if (given) say(refusalText(given));
    call('signInOptions').then(({ data }) => {
      // Without an answer the password form is what there is.
      if (!data) return;
      page.querySelector('[data-setup-hint]').hidden = !data.setupNeeded;
      if (!data.oidc) return;
      const button = page.querySelector('[data-oidc]');
      button.textContent = `Sign in with ${data.oidc.name}`;
      button.hidden = false;
      button.addEventListener('click', () => {
        auth('signin/oidc', { callbackUrl: safeNext() }).then(
          (url) => location.assign(url),
          () => say(UNAVAILABLE),
        );
      });
    });
    onSubmit(async ({ email, password }) => {
      const refused = await signIn(email, password);
      if (refused) say(refused);
      else location.assign(safeNext());
      return !refused;
    });
  }

  /**
   * The form of a new account; `create` answers with the e-mail address.
   * @param {(values: Record<string, string>) => Promise<{ data?: string, failure?: Failure }>} create
   */
  function startAccount(create) {
    const names = Object.keys(rules).filter((name) => !field(name).readOnly);
    for (const name of names) {
      const input = field(name);
      input.addEventListener('blur', () => {
        if (input.value !== '') setFault(input, rules[name](input.value));
      });
    }
    onSubmit(async (values) => {
      const faults = names.map((name) => [name, rules[name](field(name).value)]);
      for (const [name, fault] of faults) setFault(field(name), fault);
      const first = faults.find(([, fault]) => fault);
      if (first) {
        field(first[0]).focus();
        return false;
      }
      const { data: email, failure } = await create(values);
      if (failure) {
        const placed = failure.fields.filter(({ path }) => path in rules);
        for (const { path, message } of placed) setFault(field(path), message);
        // A part without a field, such as the token, is told for the whole form.
        if (placed.length === 0 || placed.length < failure.fields.length) say(failure.message);
        if (placed.length > 0) field(placed[0].path).focus();
        return false;
      }
      const refused = await signIn(email, values.password);
      location.assign(refused ? '/sign-in' : '/');
      return true;
    });
  }

  const token = query.get('token');
  const MISSING = 'The link is not whole: its token is missing.';

  async function askSetup() {
    show('asking');
    const { data, failure } = await call('setupState');
    if (failure) return fail(failure.message, true);
    if (!data.needed) return show('done');
    if (!token) return fail(`${MISSING} Copy it again from where the console was started.`, false);
    show('form');
  }
  async function askInvite() {
    if (!token) return fail(MISSING, false);
    show('asking');
    const input = encodeURIComponent(JSON.stringify({ token }));
    const { data, failure } = await call(`inviteState?input=${input}`);
    if (failure) {
      const ended = failure.status === 404 || failure.status === 400;
      const text = 'This invitation has ended or was used. Ask an admin for a new link.';
      return fail(ended ? text : failure.message, !ended);
    }
    field('email').value = data.email;
    field('name').value = data.name;
    page.querySelector('[data-lead]').textContent =
      `You will be ${data.role}. Choose a password to go on.`;
    show('form');
  }

  if (kind === 'sign-in') return startSignIn();
  const ask = kind === 'setup' ? askSetup : askInvite;
  page.querySelector('[data-retry]').addEventListener('click', ask);
  startAccount(async ({ email, name, password }) => {
    if (kind === 'setup') {
      const { failure } = await call('setup', post({ token, email, name, password }));
      return failure ? { failure } : { data: email };
    }
    const { data, failure } = await call('acceptInvite', post({ token, name, password }));
    return failure ? { failure } : { data: data.email };
  });
  ask();
})();
