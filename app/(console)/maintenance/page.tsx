import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { MaintenancePage } from './_components/maintenance-page.tsx';

export const metadata: Metadata = { title: 'Maintenance' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Maintenance" />}>
      <MaintenancePage />
    </PageFrame>
  );
}
