/** What a URL of PostgreSQL that a person entered may say besides where and who: other parameters name other hosts, and files of this machine. */
const accepted = new Set(['sslmode', 'ssl', 'uselibpqcompat', 'sslnegotiation']);

/** The URL without parameters that are not accepted. */
export function plainPostgresUrl(text: string): string {
  const url = new URL(text);
  for (const name of [...url.searchParams.keys()]) {
    if (!accepted.has(name.toLowerCase())) url.searchParams.delete(name);
  }
  return url.href;
}
