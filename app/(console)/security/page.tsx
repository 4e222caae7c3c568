import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { SecurityPage } from './_components/security-page.tsx';

export const metadata: Metadata = { title: 'Security' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Security" />}>
      <SecurityPage />
    </PageFrame>
  );
}
