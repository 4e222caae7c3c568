import type { Metadata } from 'next';
import { Suspense } from 'react';
import { TableSkeleton } from '../../../components/data/table-skeleton.tsx';
import { SettingsPage } from './_components/settings-page.tsx';

export const metadata: Metadata = { title: 'Settings' };

export default function Page() {
  return (
    <Suspense fallback={<TableSkeleton />}>
      <SettingsPage />
    </Suspense>
  );
}
