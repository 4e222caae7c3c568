import type { Metadata } from 'next';
import { Suspense } from 'react';
import { TableSkeleton } from '../../../components/data/table-skeleton.tsx';
import { UsersPage } from './_components/users-page.tsx';

export const metadata: Metadata = { title: 'Users' };

export default function Page() {
  return (
    <Suspense fallback={<TableSkeleton />}>
      <UsersPage />
    </Suspense>
  );
}
