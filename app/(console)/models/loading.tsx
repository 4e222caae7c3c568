import { PageSkeleton } from '../../../components/data/page-skeleton.tsx';

export default function Loading() {
  return <PageSkeleton title="Models" />;
}
