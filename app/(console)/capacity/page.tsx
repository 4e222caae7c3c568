import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { CapacityPage } from './_components/capacity-page.tsx';

export const metadata: Metadata = { title: 'Capacity' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Capacity" />}>
      <CapacityPage />
    </PageFrame>
  );
}
