'use client';

import { formatInstant } from '../../../../components/format/time.ts';
import { SecretOnce } from '../../../../components/ui/secret-once.tsx';
import type { Invitation } from '../../../../server/users/contract.ts';

export function OneTimeLink(props: { invitation: Invitation; email: string; onClose(): void }) {
  const { url, expiresAt } = props.invitation;
  return (
    <SecretOnce
      title="Send this link"
      description={`Only ${props.email} should get it. It is shown once, works once, and ends ${formatInstant(expiresAt)}.`}
      secret={url}
      what="link"
      testId="invite-link"
      onClose={props.onClose}
    />
  );
}
