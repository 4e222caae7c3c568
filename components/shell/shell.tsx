'use client';

import { QueryClientProvider } from '@tanstack/react-query';
import { NuqsAdapter } from 'nuqs/adapters/next/app';
import { type ReactNode, Suspense, useEffect } from 'react';
import { queryClient } from '../trpc/client.ts';
import { Toaster } from '../ui/toast.tsx';
import { Banners } from './banners.tsx';
import { useLiveQueries } from './live-queries.ts';
import { OverlayHost } from './overlay-host.tsx';
import { useReady } from './ready.ts';
import { useServiceWorker } from './service-worker.ts';
import { useShortcuts } from './shortcuts.ts';
import { Sidebar } from './sidebar.tsx';
import { TopBar } from './top-bar.tsx';
import { useMe } from './use-me.ts';

/** Kept for the next visit, so that the sidebar is right before the role is known. */
function useRoleHint() {
  const role = useMe()?.role;
  useEffect(() => {
    if (!role) return;
    document.documentElement.dataset.role = role;
    localStorage.setItem('role', role);
  }, [role]);
}

function Background() {
  useRoleHint();
  useLiveQueries();
  useShortcuts();
  useServiceWorker();
  useReady();
  return null;
}

/** What surrounds every page of the console. */
export function Shell({ children }: { children: ReactNode }) {
  return (
    <QueryClientProvider client={queryClient}>
      <Suspense>
        <Background />
      </Suspense>
      <NuqsAdapter>
        <a
          href="#main"
          className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded-control focus:bg-surface focus:px-3 focus:py-2"
        >
          Skip to content
        </a>
        <div className="flex min-h-dvh">
          <Sidebar />
          <div className="flex min-w-0 flex-1 flex-col">
            <TopBar />
            <Banners />
            <main
              id="main"
              tabIndex={-1}
              className="mx-auto w-full max-w-[1440px] flex-1 px-4 py-5 focus:outline-none md:px-6"
            >
              {children}
            </main>
          </div>
        </div>
        <OverlayHost />
        <Toaster />
      </NuqsAdapter>
    </QueryClientProvider>
  );
}
