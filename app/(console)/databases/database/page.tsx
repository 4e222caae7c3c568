import type { Metadata } from 'next';
import { PageSkeleton } from '../../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../../components/shell/page-frame.tsx';
import { DatabasePage } from './_components/database-page.tsx';

export const metadata: Metadata = { title: 'Database' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Database" />}>
      <DatabasePage />
    </PageFrame>
  );
}
