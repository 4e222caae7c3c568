// The shell and its hashed assets, kept so that a console that restarts still opens. Data is never kept.
const CACHE = 'wheelhouse-1';
const NETWORK_MS = 4_000;
const MAX_ENTRIES = 200;

const BASICS = ['/theme.js', '/auth.js', '/icon.svg'];

// A worker that may not fetch (a policy on this file that forbids it) fails here and never takes over.
self.addEventListener('install', (event) => {
  const ready = caches.open(CACHE).then((cache) => cache.addAll(BASICS));
  event.waitUntil(ready.then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(
    sweep()
      .then(() => self.clients.claim())
      .then(keepOpenPages),
  );
});

async function sweep() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
}

/** Pages that were opened before this worker was there. */
async function keepOpenPages() {
  const cache = await caches.open(CACHE);
  for (const { url } of await self.clients.matchAll({ type: 'window' })) {
    const { pathname } = new URL(url);
    const response = await fetch(pathname).catch(() => null);
    if (response?.ok && !response.redirected) await keep(cache, pathname, response);
  }
}

/** Hashed names never change their content. */
async function cacheFirst(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request);
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok) await keep(cache, request, response);
  return response;
}

/** The newest one the server has; without an answer, the one seen last. */
async function networkFirst(request) {
  const cache = await caches.open(CACHE);
  // Query parameters pick what a page shows, not which page it is.
  const key = new URL(request.url).pathname;
  const fallback = await cache.match(key);
  const late = new AbortController();
  const timer = fallback && setTimeout(() => late.abort(), NETWORK_MS);
  try {
    const response = await fetch(request, { signal: late.signal });
    if (response.status >= 500 && fallback) return fallback;
    if (response.ok && !response.redirected) await keep(cache, key, response);
    return response;
  } catch (error) {
    if (fallback) return fallback;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function keep(cache, key, response) {
  await cache.put(key, response.clone());
  const keys = await cache.keys();
  // Oldest first: what earlier builds left behind.
  await Promise.all(
    keys.slice(0, Math.max(0, keys.length - MAX_ENTRIES)).map((k) => cache.delete(k)),
  );
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin) return;
  if (/^\/(api|metrics|health|livez|readyz)(\/|$)/.test(url.pathname)) return;
  if (url.pathname.startsWith('/_next/static/')) event.respondWith(cacheFirst(request));
  else if (request.mode === 'navigate' || BASICS.includes(url.pathname))
    event.respondWith(networkFirst(request));
});
