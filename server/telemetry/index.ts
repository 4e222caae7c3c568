/**
 * Telemetry: what OpenTelemetry SDKs and collectors send over OTLP/HTTP, in protobuf or JSON.
 *
 * Metrics become samples of the metric store. Spans and log records are kept as events for seven days, and leave samples
 * behind (`span_duration_seconds`, `log_records`), so that they can be drawn and drilled into. A request is answered
 * once everything accepted of it is committed; what cannot be kept is refused point by point, with reasons, as OTLP's
 * partial success. Both encodings are read by the same code (`message.ts`) without a generated decoder: a field is asked
 * for by number and by name. Source: opentelemetry-proto 1.x and its specification of OTLP/HTTP.
 */
export { telemetryJobs } from './jobs.ts';
export { Malformed } from './message.ts';
export { telemetryRouter } from './router.ts';
export { createTelemetry, type Received, type Signal, signals, type Telemetry } from './service.ts';
