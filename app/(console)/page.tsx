import type { Metadata } from 'next';
import { PageFrame } from '../../components/shell/page-frame.tsx';
import { Overview } from './_components/overview.tsx';
import { OverviewSkeleton } from './_components/overview-skeleton.tsx';

export const metadata: Metadata = { title: 'Overview' };

export default function OverviewPage() {
  return (
    <PageFrame skeleton={<OverviewSkeleton />}>
      <Overview />
    </PageFrame>
  );
}
