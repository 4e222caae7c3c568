import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { DriftPage } from './_components/drift-page.tsx';

export const metadata: Metadata = { title: 'Drift' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Drift" />}>
      <DriftPage />
    </PageFrame>
  );
}
