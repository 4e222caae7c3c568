import type { Metadata } from 'next';
import { PageSkeleton } from '../../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../../components/shell/page-frame.tsx';
import { DashboardPage } from './_components/dashboard-page.tsx';

export const metadata: Metadata = { title: 'Dashboard' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Dashboard" />}>
      <DashboardPage />
    </PageFrame>
  );
}
