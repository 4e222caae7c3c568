import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { CachePage } from './_components/cache-page.tsx';

export const metadata: Metadata = { title: 'Cache' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Cache" />}>
      <CachePage />
    </PageFrame>
  );
}
