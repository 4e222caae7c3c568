import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { Account } from './_components/account.tsx';

export const metadata: Metadata = { title: 'Account and sessions' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Account and sessions" />}>
      <Account />
    </PageFrame>
  );
}
