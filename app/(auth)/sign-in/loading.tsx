import { FormSkeleton } from '../_components/form.tsx';

export default function Loading() {
  return <FormSkeleton fields={2} />;
}
