import type { Metadata } from 'next';
import { PageSkeleton } from '../../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../../components/shell/page-frame.tsx';
import { MonitorPage } from './_components/monitor-page.tsx';

export const metadata: Metadata = { title: 'Drift monitor' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Drift monitor" />}>
      <MonitorPage />
    </PageFrame>
  );
}
