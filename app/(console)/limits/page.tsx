import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { LimitsPage } from './_components/limits-page.tsx';

export const metadata: Metadata = { title: 'Limits' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Limits" />}>
      <LimitsPage />
    </PageFrame>
  );
}
