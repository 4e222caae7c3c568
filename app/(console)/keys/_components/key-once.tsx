'use client';

import { SecretOnce } from '../../../../components/ui/secret-once.tsx';

/** A key that was just made. */
export function KeyOnce(props: { name: string; secret: string; version: number; onClose(): void }) {
  const { name, secret, version, onClose } = props;
  return (
    <SecretOnce
      title={version === 1 ? `Key ${name}` : `Version ${version} of ${name}`}
      description="Store it where the program finds it, not in its code. Only its hash is kept here, so it is shown this once."
      secret={secret}
      what="key"
      testId="new-key"
      onClose={onClose}
    >
      <p className="mb-1.5 text-13 text-muted">Try it:</p>
      <pre className="mb-4 overflow-x-auto rounded-control border bg-raised px-3 py-2 font-mono text-12">
        {`curl -H "Authorization: Bearer $KEY" \\\n  ${globalThis.location.origin}/api/trpc/system.info`}
      </pre>
    </SecretOnce>
  );
}
