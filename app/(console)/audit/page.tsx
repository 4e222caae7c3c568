import type { Metadata } from 'next';
import { Suspense } from 'react';
import { TableSkeleton } from '../../../components/data/table-skeleton.tsx';
import { AuditPage } from './_components/audit-page.tsx';

export const metadata: Metadata = { title: 'Audit' };

export default function Page() {
  return (
    <Suspense fallback={<TableSkeleton />}>
      <AuditPage />
    </Suspense>
  );
}
