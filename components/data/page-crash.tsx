'use client';

import { Button } from '../ui/button.tsx';

/** A page that failed to draw. What is around it stays. */
export function PageCrash({ error, reset }: { error: Error & { digest?: string }; reset(): void }) {
  return (
    <div role="alert" className="grid justify-items-start gap-3 rounded-card border px-5 py-4">
      <h1 className="font-semibold text-16">This page could not be drawn</h1>
      <p className="max-w-[60ch] text-13 text-muted">
        The rest of the console goes on. If trying again does not help, tell an admin
        {error.digest ? ` and name ${error.digest}` : ' what you did before'}.
      </p>
      <Button onClick={reset}>Try again</Button>
    </div>
  );
}
