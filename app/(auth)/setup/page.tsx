import type { Metadata } from 'next';
import { AuthTitle } from '../_components/form.tsx';
import { SetupForm } from './_components/setup-form.tsx';

export const metadata: Metadata = { title: 'Set up' };

export default function SetupPage() {
  return (
    <>
      <AuthTitle title="Create the first admin">
        This account can invite everybody else. The link works once.
      </AuthTitle>
      <SetupForm />
    </>
  );
}
