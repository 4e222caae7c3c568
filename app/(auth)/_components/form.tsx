'use client';

import type { ReactNode } from 'react';
import { Button } from '../../../components/ui/button.tsx';
import { Skeleton } from '../../../components/ui/skeleton.tsx';

export function AuthTitle({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <header className="mb-6">
      <h1 className="font-semibold text-20">{title}</h1>
      {children ? <p className="mt-1 text-13 text-muted">{children}</p> : null}
    </header>
  );
}

/** What keeps the form from being accepted as a whole. Always there, so that it is announced. */
export function FormMessage({ text }: { text: string | null }) {
  return (
    <div role="alert">
      {text ? (
        <p className="rounded-control bg-bad-soft px-3 py-2 text-13 text-bad-text">{text}</p>
      ) : null}
    </div>
  );
}

export function Submit({ busy, children }: { busy: boolean; children: ReactNode }) {
  return (
    <Button type="submit" look="primary" size="lg" busy={busy} className="w-full">
      {children}
    </Button>
  );
}

/** A form of `fields` fields that is not known yet. */
export function FormSkeleton({ fields }: { fields: number }) {
  return (
    <div role="status" aria-label="Loading" className="grid gap-4">
      {Array.from({ length: fields }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: placeholders have no identity
        <div key={index} className="grid gap-1.5">
          <Skeleton className="h-5 w-24" />
          <Skeleton className="h-9 w-full" />
        </div>
      ))}
      <Skeleton className="h-10 w-full" />
    </div>
  );
}
