import type { Metadata } from 'next';
import { Account } from './_components/account.tsx';

export const metadata: Metadata = { title: 'Account and sessions' };

export default function SessionsPage() {
  return <Account />;
}
