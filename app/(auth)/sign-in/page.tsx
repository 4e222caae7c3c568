import type { Metadata } from 'next';
import { AuthTitle } from '../_components/form.tsx';
import { SignInForm } from './_components/sign-in-form.tsx';

export const metadata: Metadata = { title: 'Sign in' };

export default function SignInPage() {
  return (
    <>
      <AuthTitle title="Sign in" />
      <SignInForm />
    </>
  );
}
