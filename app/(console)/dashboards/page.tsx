import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { DashboardsPage } from './_components/dashboards-page.tsx';

export const metadata: Metadata = { title: 'Dashboards' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Dashboards" />}>
      <DashboardsPage />
    </PageFrame>
  );
}
