import type { Metadata } from 'next';
import { PageSkeleton } from '../../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../../components/shell/page-frame.tsx';
import { KeyPage } from './_components/key-page.tsx';

export const metadata: Metadata = { title: 'Key' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Key" />}>
      <KeyPage />
    </PageFrame>
  );
}
