import type { Metadata } from 'next';
import { PageSkeleton } from '../../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../../components/shell/page-frame.tsx';
import { BreakerPage } from './_components/breaker-page.tsx';

export const metadata: Metadata = { title: 'Breaker' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Breaker" />}>
      <BreakerPage />
    </PageFrame>
  );
}
