import { OverviewSkeleton } from './_components/overview-skeleton.tsx';

export default function Loading() {
  return <OverviewSkeleton />;
}
