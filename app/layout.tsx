import type { Metadata, Viewport } from 'next';
import type { ReactNode } from 'react';
import { fontClasses } from './fonts.ts';
import './globals.css';

export const metadata: Metadata = {
  title: { template: '%s · Wheelhouse', default: 'Wheelhouse' },
  description: 'The operations console.',
  manifest: '/manifest.webmanifest',
  icons: { icon: '/icon.svg' },
  robots: { index: false, follow: false },
};

export const viewport: Viewport = {
  width: 'device-width',
  initialScale: 1,
  themeColor: [
    { media: '(prefers-color-scheme: dark)', color: '#0b0e13' },
    { media: '(prefers-color-scheme: light)', color: '#fafbfc' },
  ],
};

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    // `theme.js` sets the theme's attributes before the first paint.
    <html lang="en" className={fontClasses} suppressHydrationWarning>
      <head>
        {/* Blocking on purpose: it must run before anything is painted. */}
        <script src="/theme.js" />
      </head>
      <body>{children}</body>
    </html>
  );
}
