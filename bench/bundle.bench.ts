/**
 * First-load JavaScript of every prerendered page: what its HTML names, gzipped, without the polyfills for old browsers.
 * Exit code 1 above the budget of its kind.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

const budgetsKb = { public: 120, console: 200, all: 500 };
const publicPages = new Set(['/sign-in', '/setup', '/invite']);
const build = path.resolve(import.meta.dirname, '../.next');
const pages = path.join(build, 'server/app');

const sizes = new Map<string, number>();
function sizeOf(chunk: string): number {
  const known = sizes.get(chunk);
  if (known !== undefined) return known;
  const size = gzipSync(readFileSync(path.join(build, 'static/chunks', chunk)), {
    level: 9,
  }).length;
  sizes.set(chunk, size);
  return size;
}

function chunksOf(html: string): Set<string> {
  const modern = html.replace(/<script[^>]*\bnoModule\b[^>]*>/gi, '');
  return new Set(
    [...modern.matchAll(/\/_next\/static\/chunks\/([^"'\\?]+\.js)/g)].map(
      (match) => match[1] ?? '',
    ),
  );
}

const kb = (bytes: number) => Math.round(bytes / 102.4) / 10;
const rows = readdirSync(pages, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.html') && !file.startsWith('_'))
  .sort()
  .map((file) => {
    const route = `/${file.replace(/\.html$/, '').replace(/^index$/, '')}`;
    const bytes = [...chunksOf(readFileSync(path.join(pages, file), 'utf8'))].reduce(
      (sum, chunk) => sum + sizeOf(chunk),
      0,
    );
    const budgetKb = publicPages.has(route) ? budgetsKb.public : budgetsKb.console;
    return { route, kb: kb(bytes), budgetKb };
  });
const allKb = kb([...sizes.values()].reduce((sum, size) => sum + size, 0));

for (const row of rows) {
  const verdict = row.kb > row.budgetKb ? 'OVER' : 'ok';
  process.stdout.write(
    `${row.route.padEnd(16)} ${row.kb.toFixed(1).padStart(7)} KB of ${row.budgetKb} KB  ${verdict}\n`,
  );
}
process.stdout.write(
  `${'all first loads'.padEnd(16)} ${allKb.toFixed(1).padStart(7)} KB of ${budgetsKb.all} KB\n`,
);
const seen = rows.filter((row) => publicPages.has(row.route)).length >= 2 && rows.length > 3;
if (!seen || allKb > budgetsKb.all || rows.some((row) => row.kb > row.budgetKb))
  process.exitCode = 1;
