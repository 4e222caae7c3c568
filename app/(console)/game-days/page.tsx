import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { GameDaysPage } from './_components/game-days-page.tsx';

export const metadata: Metadata = { title: 'Game days' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Game days" />}>
      <GameDaysPage />
    </PageFrame>
  );
}
