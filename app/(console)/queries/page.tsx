import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { QueriesPage } from './_components/queries-page.tsx';

export const metadata: Metadata = { title: 'Queries' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Queries" />}>
      <QueriesPage />
    </PageFrame>
  );
}
