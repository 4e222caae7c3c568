import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { SettingsPage } from './_components/settings-page.tsx';

export const metadata: Metadata = { title: 'Settings' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Settings" />}>
      <SettingsPage />
    </PageFrame>
  );
}
