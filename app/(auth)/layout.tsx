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
        <script src="/auth.js" defer />
      </div>
    </main>
  );
}
