import type { Metadata } from 'next';
import { buttonClass } from '../../../components/ui/button.tsx';
import { AccountForm, AuthTitle, Failed, FormSkeleton, NeedsScript } from '../_components/form.tsx';

export const metadata: Metadata = { title: 'Set up' };

export default function SetupPage() {
  return (
    <div data-auth="setup">
      <AuthTitle title="Create the first admin">
        This account can invite everybody else. The link works once.
      </AuthTitle>
      <NeedsScript />
      <FormSkeleton fields={3} />
      <AccountForm verb="Create admin" />
      <div data-when="done" hidden className="grid gap-4">
        <p className="text-13 text-muted">The first admin exists already; this link has ended.</p>
        <a href="/sign-in" className={buttonClass('primary', 'lg')}>
          Sign in
        </a>
      </div>
      <Failed />
    </div>
  );
}
