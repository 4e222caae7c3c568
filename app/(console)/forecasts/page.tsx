import type { Metadata } from 'next';
import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../components/shell/page-frame.tsx';
import { ForecastsPage } from './_components/forecasts-page.tsx';

export const metadata: Metadata = { title: 'Forecasts' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Forecasts" />}>
      <ForecastsPage />
    </PageFrame>
  );
}
