import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { BreakersPage } from './_components/breakers-page.tsx';

export const metadata: Metadata = { title: 'Breakers' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Breakers" />}>
      <BreakersPage />
    </PageFrame>
  );
}
