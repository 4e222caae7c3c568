import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { MemoryPage } from './_components/memory-page.tsx';

export const metadata: Metadata = { title: 'Memory' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Memory" />}>
      <MemoryPage />
    </PageFrame>
  );
}
