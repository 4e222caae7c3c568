import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { ModelsPage } from './_components/models-page.tsx';

export const metadata: Metadata = { title: 'Models' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Models" />}>
      <ModelsPage />
    </PageFrame>
  );
}
