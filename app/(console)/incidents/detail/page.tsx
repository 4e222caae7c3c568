import type { Metadata } from 'next';
import { PageSkeleton } from '../../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../../components/shell/page-frame.tsx';
import { IncidentPage } from './_components/incident-page.tsx';

export const metadata: Metadata = { title: 'Incident' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Incident" />}>
      <IncidentPage />
    </PageFrame>
  );
}
