import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { PoliciesPage } from './_components/policies-page.tsx';

export const metadata: Metadata = { title: 'Policies' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Policies" />}>
      <PoliciesPage />
    </PageFrame>
  );
}
