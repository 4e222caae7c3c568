/**
 * Prometheus's text format 0.0.4 and OpenMetrics 1.0, line by line: a line that cannot be read is counted and the rest
 * is kept. Exemplars are passed over; names in quotes (Prometheus 3) are understood. Pure.
 */
export type ExposedSample = {
  name: string;
  labels: Record<string, string>;
  value: number;
  /** Milliseconds since 1970; null when the exposition does not say. */
  at: number | null;
};
export type ExposedFamily = { metric: string; kind?: string; unit?: string; help?: string };
export type Exposition = {
  /** Null for comments and empty lines, and for lines that cannot be read. */
  take(line: string): ExposedSample | null;
  families(): ExposedFamily[];
  faults(): { count: number; first: string[] };
};

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const MAX_FAULTS = 10;
const MAX_FAMILIES = 20_000;
const kinds = new Map([
  ['counter', 'counter'],
  ['gauge', 'gauge'],
  ['histogram', 'histogram'],
  ['gaugehistogram', 'histogram'],
  ['summary', 'summary'],
  ['info', 'gauge'],
  ['stateset', 'gauge'],
]);

class Unreadable extends Error {}

/** In OpenMetrics times are seconds and a counter's samples end in `_total`. */
export function createExposition(openMetrics: boolean): Exposition {
  const families = new Map<string, ExposedFamily>();
  const first: string[] = [];
  let faults = 0;
  let lines = 0;
  let ended = false;

  const family = (name: string): ExposedFamily => {
    const known = families.get(name);
    if (known) return known;
    const made = { metric: name };
    if (families.size < MAX_FAMILIES) families.set(name, made);
    return made;
  };
  const comment = (line: string) => {
    if (line === '# EOF') {
      ended = true;
      return;
    }
    const match =
      /^#[ \t]+(HELP|TYPE|UNIT)[ \t]+(?:"((?:[^"\\]|\\.)*)"|(\S+))(?:[ \t]+(.*))?$/.exec(line);
    if (!match) return;
    const [, what, quoted, plain = '', rest = ''] = match;
    const known = family(quoted === undefined ? plain : unescaped(quoted));
    if (what === 'HELP') known.help = unescaped(rest);
    if (what === 'UNIT') known.unit = rest.trim();
    if (what === 'TYPE') known.kind = kinds.get(rest.trim()) ?? 'unknown';
  };

  return {
    take(raw) {
      lines += 1;
      const line = raw.trim();
      if (line === '') return null;
      if (line.startsWith('#')) {
        comment(line);
        return null;
      }
      try {
        if (ended) throw new Unreadable('comes after # EOF');
        return sample(line, openMetrics);
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        faults += 1;
        if (first.length < MAX_FAULTS) {
          const shown = line.length > 80 ? `${line.slice(0, 80)}…` : line;
          first.push(`line ${lines}: ${error.message}: ${shown.toWellFormed()}`);
        }
        return null;
      }
    },
    families: () =>
      [...families.values()].flatMap((one) => {
        const { metric, kind } = one;
        const part = (suffix: string, as: string) => ({
          ...one,
          metric: metric + suffix,
          kind: as,
        });
        if (kind === 'histogram')
          return [part('_bucket', kind), part('_sum', 'counter'), part('_count', 'counter')];
        if (kind === 'summary') return [one, part('_sum', 'counter'), part('_count', 'counter')];
        return kind === 'counter' && openMetrics ? [part('_total', kind)] : [one];
      }),
    faults: () => ({ count: faults, first }),
  };
}

const unescaped = (text: string): string =>
  text.replaceAll(/\\(.)/g, (_, sign: string) => (sign === 'n' ? '\n' : sign));

function sample(line: string, openMetrics: boolean): ExposedSample {
  let at = 0;
  const spaces = () => {
    while (line[at] === ' ' || line[at] === '\t') at += 1;
  };
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(line)?.[0] ?? null;
    if (found !== null) at += found.length;
    return found;
  };
  /** What stands in quotes, from the opening one on. */
  const quoted = (): string => {
    let text = '';
    for (at += 1; at < line.length; at += 1) {
      const sign = line[at];
      if (sign === '"') {
        at += 1;
        return text;
      }
      if (sign === '\\') {
        at += 1;
        const next = line[at];
        text += next === 'n' ? '\n' : (next ?? '');
      } else text += sign;
    }
    throw new Unreadable('a quote is not closed');
  };

  let name = match(NAME) ?? '';
  const labels: Record<string, string> = {};
  spaces();
  if (line[at] === '{') {
    at += 1;
    for (;;) {
      spaces();
      if (line[at] === '}') {
        at += 1;
        break;
      }
      const isQuoted = line[at] === '"';
      const label = isQuoted ? quoted() : match(LABEL);
      if (label === null) throw new Unreadable('no label name');
      spaces();
      if (line[at] === '=') {
        at += 1;
        spaces();
        if (line[at] !== '"') throw new Unreadable('a label value is not in quotes');
        labels[label] = quoted();
      } else if (isQuoted && name === '') name = label;
      else throw new Unreadable('a label has no value');
      spaces();
      if (line[at] === ',') at += 1;
      else if (line[at] !== '}') throw new Unreadable('labels are not separated by commas');
    }
  }
  if (name === '') throw new Unreadable('no metric name');
  // What follows a # is an exemplar.
  const [value = '', time, more] = (line.slice(at).split(/[ \t]#/)[0] ?? '').trim().split(/[ \t]+/);
  const read = { name, labels, value: numberOf(value), at: timeOf(time, openMetrics) };
  if (more !== undefined) throw new Unreadable('something follows the time');
  return read;
}

function numberOf(text: string): number {
  if (NUMBER.test(text)) return Number(text);
  const word = text.toLowerCase();
  if (word === 'nan') return Number.NaN;
  if (/^\+?inf(inity)?$/.test(word)) return Number.POSITIVE_INFINITY;
  if (/^-inf(inity)?$/.test(word)) return Number.NEGATIVE_INFINITY;
  throw new Unreadable(text === '' ? 'no value' : 'the value is no number');
}

function timeOf(text: string | undefined, openMetrics: boolean): number | null {
  if (text === undefined) return null;
  if (!NUMBER.test(text) || (!openMetrics && !/^[+-]?\d+$/.test(text)))
    throw new Unreadable('the time is no number');
  return openMetrics ? Math.round(Number(text) * 1e6) / 1e3 : Number(text);
}
