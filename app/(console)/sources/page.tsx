import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { SourcesPage } from './_components/sources-page.tsx';

export const metadata: Metadata = { title: 'Sources' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Sources" />}>
      <SourcesPage />
    </PageFrame>
  );
}
