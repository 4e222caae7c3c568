import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { IncidentsPage } from './_components/incidents-page.tsx';

export const metadata: Metadata = { title: 'Incidents' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Incidents" />}>
      <IncidentsPage />
    </PageFrame>
  );
}
