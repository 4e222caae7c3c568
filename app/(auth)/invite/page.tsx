import type { Metadata } from 'next';
import { InviteForm } from './_components/invite-form.tsx';

export const metadata: Metadata = { title: 'Invitation' };

export default function InvitePage() {
  return <InviteForm />;
}
