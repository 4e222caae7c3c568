import type { Metadata } from 'next';
import { PageSkeleton } from '../../../../components/data/page-skeleton.tsx';
import { PageFrame } from '../../../../components/shell/page-frame.tsx';
import { ForecastPage } from './_components/forecast-page.tsx';

export const metadata: Metadata = { title: 'Forecast' };

export default function Page() {
  return (
    <PageFrame skeleton={<PageSkeleton title="Forecast" />}>
      <ForecastPage />
    </PageFrame>
  );
}
