/**
 * First-load JavaScript of every prerendered page: what its HTML names, gzipped, without the polyfills for old browsers.
 * Exit code 1 above the budget of its kind.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { openPages, withoutFramework } from '../server/http/shell.ts';

const budgetsKb = { public: 120, console: 200, all: 500 };
const build = path.resolve(import.meta.dirname, '../.next');
const pages = path.join(build, 'server/app');

const sizes = new Map<string, number>();
function sizeOf(script: string): number {
  const known = sizes.get(script);
  if (known !== undefined) return known;
  const file = script.startsWith('/_next/')
    ? path.join(build, script.slice('/_next/'.length))
    : path.join(build, '../public', script);
  const size = gzipSync(readFileSync(file), { level: 9 }).length;
  sizes.set(script, size);
  return size;
}

/** What the served HTML names: scripts of the page and chunks that its data tells the framework to load. */
function scriptsOf(route: string, built: string): Set<string> {
  const html = openPages.has(route) ? withoutFramework(built) : built;
  const modern = html.replace(/<script[^>]*\bnoModule\b[^>]*>/gi, '');
  const chunks = [...modern.matchAll(/\/_next\/static\/chunks\/[^"'\\?]+\.js/g)].map(
    ([url]) => url,
  );
  const own = [...modern.matchAll(/<script[^>]*\ssrc="(\/(?!_next\/)[^"]+)"/g)].map(
    (m) => m[1] ?? '',
  );
  return new Set([...chunks, ...own]);
}

const kb = (bytes: number) => Math.round(bytes / 102.4) / 10;
const rows = readdirSync(pages, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.html') && !file.startsWith('_'))
  .sort()
  .map((file) => {
    const route = `/${file.replace(/\.html$/, '').replace(/^index$/, '')}`;
    const html = readFileSync(path.join(pages, file), 'utf8');
    const bytes = [...scriptsOf(route, html)].reduce((sum, script) => sum + sizeOf(script), 0);
    const budgetKb = openPages.has(route) ? budgetsKb.public : budgetsKb.console;
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
const seen = rows.filter((row) => openPages.has(row.route)).length >= 2 && rows.length > 3;
if (!seen || allKb > budgetsKb.all || rows.some((row) => row.kb > row.budgetKb))
  process.exitCode = 1;
