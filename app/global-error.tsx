'use client';

import './globals.css';
import { Button } from '../components/ui/button.tsx';

/** When even the root layout failed. */
export default function GlobalError({ reset }: { error: Error; reset(): void }) {
  return (
    <html lang="en">
      <body>
        <main className="flex min-h-dvh flex-col items-center justify-center gap-4 px-4 text-center">
          <h1 className="font-semibold text-20">The console could not be drawn</h1>
          <p className="max-w-[48ch] text-13 text-muted">
            What it watches and does goes on without this page.
          </p>
          <Button look="primary" onClick={reset}>
            Try again
          </Button>
        </main>
      </body>
    </html>
  );
}
