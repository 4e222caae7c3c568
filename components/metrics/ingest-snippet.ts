/** A first sample, by curl. */
export const ingestSnippet = (origin: string): string =>
  `curl ${origin}/api/trpc/metrics.ingest \\
  -H "Authorization: Bearer $WHEELHOUSE_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"samples":[{"metric":"queue_length","value":12,"labels":{"queue":"mail"}}]}'`;
