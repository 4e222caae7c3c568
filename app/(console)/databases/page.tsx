import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { DatabasesPage } from './_components/databases-page.tsx';

export const metadata: Metadata = { title: 'Databases' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Databases" />}>
      <DatabasesPage />
    </PageFrame>
  );
}
