/** What to paste to send samples, by way in. Pure. */
import { ingestSnippet } from '../../../../components/metrics/ingest-snippet.ts';
import type { Way } from '../../../../server/metrics/contract.ts';

export const keySnippet = 'npm run -s cli -- keys create --name sender --scopes ingest';

type Part = { title: string; text: string };

export function snippetOf(way: Way, origin: string): readonly Part[] | null {
  if (way === 'api') {
    return [
      {
        title: 'With curl, up to 10 000 samples a call',
        text: ingestSnippet(origin),
      },
    ];
  }
  if (way === 'otlp') {
    return [
      {
        title: 'Environment of any OpenTelemetry SDK',
        text: `OTEL_EXPORTER_OTLP_ENDPOINT=${origin}
OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer $WHEELHOUSE_KEY"
OTEL_EXPORTER_OTLP_COMPRESSION=gzip
OTEL_SERVICE_NAME=shop`,
      },
    ];
  }
  if (way === 'remote write') {
    return [
      {
        title: 'In prometheus.yml; the file holds the key and nothing else',
        text: `remote_write:
  - url: ${origin}/api/v1/write
    authorization:
      type: Bearer
      credentials_file: /etc/prometheus/wheelhouse.key`,
      },
    ];
  }
  return null;
}
