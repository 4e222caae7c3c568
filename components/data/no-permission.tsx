import { Lock } from 'lucide-react';

/** Says what is missing, a role or what a policy leaves, and whom to ask. */
export function NoPermission({ message }: { message: string }) {
  return (
    <div className="flex flex-col items-center gap-2 rounded-card border border-dashed px-6 py-12 text-center">
      <Lock aria-hidden className="size-5 text-faint" />
      <p className="font-medium text-14">{message}</p>
      <p className="max-w-[52ch] text-13 text-muted">
        An admin can change your role on the page Users, and what rules deny on the page Policies.
      </p>
    </div>
  );
}
