import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @type {import('next').NextConfig} */
const config = {
  // Fastify compresses, sets headers and serves the prerendered pages.
  compress: false,
  poweredByHeader: false,
  reactStrictMode: true,
  devIndicators: false,
  productionBrowserSourceMaps: false,
  // `npm test` runs tsc over the whole tree; a build must not do it again. Next rewrites the
  // tsconfig it is given, so it gets its own.
  typescript: { ignoreBuildErrors: true, tsconfigPath: 'app/tsconfig.json' },
  turbopack: { root: dirname(fileURLToPath(import.meta.url)) },
  experimental: { optimizePackageImports: ['radix-ui', 'lucide-react', 'recharts'] },
};

export default config;
