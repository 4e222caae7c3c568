import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { ChannelsPage } from './_components/channels-page.tsx';

export const metadata: Metadata = { title: 'Channels' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Channels" />}>
      <ChannelsPage />
    </PageFrame>
  );
}
