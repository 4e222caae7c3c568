import type { Metadata } from 'next';
import { PageSkeleton } from '../../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../../components/shell/page-frame.tsx';
import { ModelPage } from './_components/model-page.tsx';

export const metadata: Metadata = { title: 'Model' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Model" />}>
      <ModelPage />
    </PageFrame>
  );
}
