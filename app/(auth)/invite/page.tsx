import type { Metadata } from 'next';
import { AccountForm, AuthTitle, Failed, FormSkeleton, NeedsScript } from '../_components/form.tsx';

export const metadata: Metadata = { title: 'Invitation' };

export default function InvitePage() {
  return (
    <div data-auth="invite">
      <AuthTitle title="Accept the invitation">Choose a password to go on.</AuthTitle>
      <NeedsScript />
      <FormSkeleton fields={3} />
      <AccountForm verb="Create account" knownEmail />
      <Failed />
    </div>
  );
}
