import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { AdvicePage } from './_components/advice-page.tsx';

export const metadata: Metadata = { title: 'Advice' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Advice" />}>
      <AdvicePage />
    </PageFrame>
  );
}
