import type { Metadata } from 'next';
import { PageSkeleton } from '../../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../../components/shell/page-frame.tsx';
import { TargetPage } from './_components/target-page.tsx';

export const metadata: Metadata = { title: 'Target' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Target" />}>
      <TargetPage />
    </PageFrame>
  );
}
