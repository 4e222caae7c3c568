import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { TokensPage } from './_components/tokens-page.tsx';

export const metadata: Metadata = { title: 'Tokens' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Tokens" />}>
      <TokensPage />
    </PageFrame>
  );
}
