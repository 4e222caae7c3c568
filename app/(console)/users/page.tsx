import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { UsersPage } from './_components/users-page.tsx';

export const metadata: Metadata = { title: 'Users' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Users" />}>
      <UsersPage />
    </PageFrame>
  );
}
