import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { KeysPage } from './_components/keys-page.tsx';

export const metadata: Metadata = { title: 'Keys' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Keys" />}>
      <KeysPage />
    </PageFrame>
  );
}
