import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { ExplorePage } from './_components/explore-page.tsx';

export const metadata: Metadata = { title: 'Explore' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Explore" />}>
      <ExplorePage />
    </PageFrame>
  );
}
