import Script from 'next/script';
import type { ReactNode } from 'react';
import { Mark } from '../../components/shell/mark.tsx';

export default function AuthLayout({ children }: { children: ReactNode }) {
  return (
    <main className="flex min-h-dvh flex-col items-center px-4 pt-[14vh] pb-12">
      <div className="w-full max-w-[380px]">
        <p className="mb-8 flex items-center gap-2 font-semibold text-16">
          <Mark className="size-6 text-accent-text" />
          Wheelhouse
        </p>
        {children}
        {process.env.NODE_ENV === 'development' ? (
          // The framework is there in dev, and must have taken the page over before a script changes it.
          <Script src="/auth.js" />
        ) : (
          <script src="/auth.js" defer />
        )}
      </div>
    </main>
  );
}
