/**
 * Sources: expositions that are read on schedule, and other stores that are asked.
 *
 * A scrape source is read each interval by one replica (`scraper.ts`), in Prometheus's text format or OpenMetrics
 * (`exposition.ts`), and its samples go into the metric store with `job` and `instance`, as Prometheus has them. A
 * prometheus source is a server with Prometheus's HTTP API: the console's query language is compiled to PromQL
 * (`promql.ts`) so that a fleet can keep the engine it has. Credentials are sealed and never shown.
 * Sources: prometheus.io "Exposition formats", OpenMetrics 1.0, "HTTP API".
 */
export { sourcesRouter } from './router.ts';
export { createAsk, createSources, type Sources } from './service.ts';
