/** The console's own metrics, written into its own store: Explore has something to show from the first minute. */
import type { Registry as PromRegistry } from 'prom-client';
import type { Description } from './catalog.ts';
import type { Sample } from './labels.ts';

/** Reads a registry as samples; what a metric is comes beside them. */
export async function readOwn(
  registry: PromRegistry,
  instance: string,
  at: number,
): Promise<{ samples: Sample[]; descriptions: Description[] }> {
  const samples: Sample[] = [];
  const descriptions: Description[] = [];
  for (const metric of await registry.getMetricsAsJSON()) {
    const kind = String(metric.type);
    descriptions.push({ metric: metric.name, kind, help: metric.help });
    for (const value of metric.values) {
      const name =
        'metricName' in value && typeof value.metricName === 'string'
          ? value.metricName
          : metric.name;
      if (name !== metric.name)
        descriptions.push({ metric: name, kind: 'counter', help: metric.help });
      const labels: Record<string, string> = { instance };
      for (const [label, text] of Object.entries(value.labels)) labels[label] = labelText(text);
      samples.push({ metric: name, labels, at, value: Number(value.value) });
    }
  }
  return { samples, descriptions };
}

/** `le` of the last bucket is a number in prom-client; Prometheus writes it like this. */
const labelText = (value: unknown): string =>
  value === Number.POSITIVE_INFINITY ? '+Inf' : String(value);
