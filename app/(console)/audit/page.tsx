import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { AuditPage } from './_components/audit-page.tsx';

export const metadata: Metadata = { title: 'Audit' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Audit" />}>
      <AuditPage />
    </PageFrame>
  );
}
