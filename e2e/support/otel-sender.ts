/**
 * A program that is instrumented with the real OpenTelemetry SDK. `URL` and `KEY` say where to; `FORMAT` is json or
 * protobuf. Ends when everything is out, with exit code 1 when something was not taken.
 */
import { DiagLogLevel, diag, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { SeverityNumber } from '@opentelemetry/api-logs';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPMetricExporter as JsonMetrics } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtoMetrics } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as JsonTraces } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtoTraces } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import {
  AggregationTemporality,
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

const { env } = process;
const headers = { authorization: `Bearer ${env.KEY}` };
const json = env.FORMAT === 'json';
let failed = false;
const note = (...what: unknown[]) => {
  failed = true;
  process.stderr.write(`${what.map(String).join(' ')}\n`);
};
diag.setLogger({ error: note, warn: note, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN);
const resource = resourceFromAttributes({
  'service.name': `shop-${env.FORMAT}`,
  'service.instance.id': 'one',
});
const options = (signal: string) => ({
  url: `${env.URL}/v1/${signal}`,
  headers,
});
const Metrics = json ? JsonMetrics : ProtoMetrics;
const reader = (temporalityPreference: AggregationTemporality) =>
  new PeriodicExportingMetricReader({
    exporter: new Metrics({ ...options('metrics'), temporalityPreference }),
    exportIntervalMillis: 3_600_000,
  });
const meters = new MeterProvider({
  resource,
  readers: [reader(AggregationTemporality.CUMULATIVE)],
  views: [
    {
      instrumentName: 'shop.exponential',
      aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM },
    },
  ],
});
const meter = meters.getMeter('shop');
const orders = meter.createCounter('shop.orders', { description: 'Orders.', unit: '{order}' });
orders.add(3, { country: 'de', ok: true });
orders.add(4, { country: 'fr', ok: false });
meter.createUpDownCounter('shop.open').add(-2);
meter.createGauge('shop.temperature').record(21.5);
const latency = meter.createHistogram('shop.latency', { unit: 's' });
const exponential = meter.createHistogram('shop.exponential', { unit: 's' });
for (const value of [0.003, 0.7, 0.7, 12]) latency.record(value);
for (const value of [0, 1, 1.5, 3, 1000]) exponential.record(value);

// A second reader of its own provider: the same counter with delta temporality.
const deltas = new MeterProvider({ resource, readers: [reader(AggregationTemporality.DELTA)] });
const increments = deltas.getMeter('shop').createCounter('shop.increments');
increments.add(5);
await deltas.forceFlush();
increments.add(7);

const tracers = new BasicTracerProvider({
  resource,
  spanProcessors: [
    new BatchSpanProcessor(new (json ? JsonTraces : ProtoTraces)(options('traces'))),
  ],
});
const tracer = tracers.getTracer('shop');
const now = Date.now();
const span = tracer.startSpan('GET /orders', {
  kind: SpanKind.SERVER,
  startTime: now - 250,
  attributes: { 'http.request.method': 'GET', 'gen_ai.usage.input_tokens': 42, cached: false },
});
span.addEvent('exception', { 'exception.type': 'TimeoutError' }, now - 100);
span.setStatus({ code: SpanStatusCode.ERROR, message: 'the database was slow' });
span.end(now);
tracer
  .startSpan('SELECT orders', {
    kind: SpanKind.CLIENT,
    startTime: now - 200,
    attributes: { 'db.system': 'postgresql', 'db.statement': "SELECT '\u0000' FROM orders" },
  })
  .end(now - 50);

const loggers = new LoggerProvider({
  resource,
  processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter(options('logs')) })],
});
loggers.getLogger('shop').emit({
  severityNumber: SeverityNumber.WARN2,
  body: 'stock is low',
  attributes: { article: 7 },
});

await Promise.all([meters.shutdown(), deltas.shutdown(), tracers.shutdown(), loggers.shutdown()]);
process.exitCode = failed ? 1 : 0;
