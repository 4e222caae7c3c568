import type { Metadata } from 'next';
import { buttonClass } from '../../../components/ui/button.tsx';
import { cx } from '../../../components/ui/cx.ts';
import { AuthField, AuthTitle, FormMessage, NeedsScript, Submit } from '../_components/form.tsx';

export const metadata: Metadata = { title: 'Sign in' };

export default function SignInPage() {
  return (
    <div data-auth="sign-in">
      <AuthTitle title="Sign in" />
      <NeedsScript />
      <form method="post" className="grid gap-4">
        <p
          data-setup-hint=""
          hidden
          className="rounded-control bg-info-soft px-3 py-2 text-13 text-info-text"
        >
          Nobody has an account yet. Open the one-time set-up link that the console printed when it
          started.
        </p>
        <AuthField name="email" label="E-mail" type="email" autoComplete="username" required />
        <AuthField
          name="password"
          label="Password"
          type="password"
          autoComplete="current-password"
          required
        />
        <FormMessage />
        <Submit>Sign in</Submit>
        <button
          type="button"
          data-oidc=""
          hidden
          className={cx(buttonClass('secondary', 'lg'), 'w-full [&[hidden]]:hidden')}
        >
          Sign in with
        </button>
      </form>
    </div>
  );
}
