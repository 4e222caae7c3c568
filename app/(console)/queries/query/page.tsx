import type { Metadata } from 'next';
import { PageSkeleton } from '../../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../../components/shell/page-frame.tsx';
import { QueryPage } from './_components/query-page.tsx';

export const metadata: Metadata = { title: 'Query' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Query" />}>
      <QueryPage />
    </PageFrame>
  );
}
