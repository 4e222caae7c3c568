import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { HealthPage } from './_components/health-page.tsx';

export const metadata: Metadata = { title: 'Health' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Health" />}>
      <HealthPage />
    </PageFrame>
  );
}
