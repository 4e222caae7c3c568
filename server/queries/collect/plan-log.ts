/**
 * Plans that `auto_explain` wrote to a server's log (`log_format = json`), from logs in the forms stderr and jsonlog. Pure.
 */

export type LoggedPlan = {
  durationMs: number;
  /** The query's text, with its values. */
  text: string;
  plan: Record<string, unknown>;
  /** Where the line says it. */
  database: string | null;
  application: string | null;
  at: Date | null;
};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What stands in the log for one message: `duration: 12.345 ms  plan:` and JSON. */
function readMessage(message: string): Pick<LoggedPlan, 'durationMs' | 'text' | 'plan'> | null {
  const match = /^duration: ([\d.]+) ms {2}plan:\s*(\{[\s\S]*\})\s*$/.exec(message);
  if (!match) return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(match[2] ?? '');
  } catch {
    return null;
  }
  if (!isRecord(parsed) || typeof parsed['Query Text'] !== 'string') return null;
  const { 'Query Text': text, 'Query Parameters': _, ...plan } = parsed;
  return isRecord(plan['Plan']) ? { durationMs: Number(match[1]), text: String(text), plan } : null;
}

/** `log_line_prefix` as an expression that finds the database, the application and the time in a line. */
export function prefixPattern(prefix: string): RegExp {
  const groups: Record<string, string> = {
    a: '(?<application>.*?)',
    d: '(?<database>\\S*?)',
    m: '(?<at>\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3} \\S+)',
    t: '(?<at>\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d \\S+)',
    q: '',
    '%': '%',
  };
  const used = new Set<string>();
  const source = prefix.replace(
    /%(-?\d*)([a-zA-Z%])|[.*+?^${}()|[\]\\]/g,
    (found, _pad, letter) => {
      if (letter === undefined) return `\\${found}`;
      const group = groups[letter] ?? '.*?';
      const name = /\?<(\w+)>/.exec(group)?.[1];
      if (name && used.has(name)) return '.*?';
      if (name) used.add(name);
      return group;
    },
  );
  return new RegExp(`^${source}LOG: {2}(?<message>duration: .*)$`);
}

const utc = (text: string | undefined): Date | null => {
  const match = /^(\S+) (\S+) (UTC|GMT)$/.exec(text ?? '');
  const at = match ? new Date(`${match[1]}T${match[2]}Z`) : null;
  return at && !Number.isNaN(at.getTime()) ? at : null;
};

/** Whole messages of a part of a log, and how many bytes of it they take: what is not whole yet is read again. */
export function readPlans(
  log: Buffer,
  form: 'stderr' | 'jsonlog',
  prefix: RegExp,
): { plans: LoggedPlan[]; bytes: number } {
  const end = log.lastIndexOf('\n') + 1;
  const lines = log.toString('utf8', 0, end).split('\n').slice(0, -1);
  return form === 'jsonlog'
    ? { plans: lines.flatMap(readJson), bytes: end }
    : readText(lines, prefix);
}

function readJson(line: string): LoggedPlan[] {
  if (!line.includes('plan:')) return [];
  try {
    const row: unknown = JSON.parse(line);
    if (!isRecord(row) || typeof row['message'] !== 'string') return [];
    const found = readMessage(row['message']);
    if (!found) return [];
    const word = (name: string) => (typeof row[name] === 'string' ? row[name] : null);
    return [
      {
        ...found,
        database: word('dbname'),
        application: word('application_name'),
        at: utc(word('timestamp') ?? undefined),
      },
    ];
  } catch {
    return [];
  }
}

function readText(
  lines: readonly string[],
  prefix: RegExp,
): { plans: LoggedPlan[]; bytes: number } {
  const plans: LoggedPlan[] = [];
  let bytes = 0;
  let waiting = 0;
  for (let n = 0; n < lines.length; ) {
    const line = lines[n] ?? '';
    const first = prefix.exec(line)?.groups;
    let next = n + 1;
    // What belongs to a message is indented by a tab.
    while (next < lines.length && lines[next]?.startsWith('\t')) next++;
    const size = lines.slice(n, next).reduce((sum, one) => sum + Buffer.byteLength(one) + 1, 0);
    if (first?.['message']) {
      const message = [
        first['message'],
        ...lines.slice(n + 1, next).map((one) => one.slice(1)),
      ].join('\n');
      const found = readMessage(message);
      if (found)
        plans.push({
          ...found,
          database: first['database'] || null,
          application: first['application'] || null,
          at: utc(first['at']),
        });
      // The last message may go on in what is not written yet.
      else if (next === lines.length) waiting = size;
    }
    bytes += size;
    n = next;
  }
  return { plans, bytes: bytes - waiting };
}

const CONDITION =
  /(Cond|Filter|Qual|Key|Output|Call|Sort|Group|Cache|Expression|Function|Index Searches|Bounds|Query)/;

/** The plan without values: conditions of a node hold them as text. */
export function withoutValues(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((one) => withoutValues(one, name));
  if (isRecord(value))
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, withoutValues(inner, key)]),
    );
  if (typeof value !== 'string') return value;
  // Whatever the field: a text in quotes is a value.
  const plain = value.replace(/(?:E|B|X)?'(?:[^'\\]|''|\\.)*'/g, '?');
  return CONDITION.test(name) ? plain.replace(/(?<![\w$"])-?\d+(?:\.\d+)?\b/g, '?') : plain;
}
