import type { Metadata } from 'next';
import { Mark } from '../components/shell/mark.tsx';
import { buttonClass } from '../components/ui/button.tsx';

export const metadata: Metadata = { title: 'Not found' };

export default function NotFound() {
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center gap-4 px-4 text-center">
      <Mark className="size-8 text-faint" />
      <h1 className="font-semibold text-20">There is no page at this address</h1>
      <p className="max-w-[48ch] text-13 text-muted">
        It may have been moved, or the link is not whole.
      </p>
      {/* A plain link: the shell may not be loaded. */}
      <a href="/" className={buttonClass('primary')}>
        Go to Overview
      </a>
    </main>
  );
}
