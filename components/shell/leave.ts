import { signOut } from '../trpc/auth.ts';
import { toast } from '../ui/toast.tsx';

export function leave(): void {
  signOut().catch(() => toast('bad', 'Signing out did not work. Try again.'));
}
