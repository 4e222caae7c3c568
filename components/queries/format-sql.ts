/** Breaks a statement into lines for reading. What stands in quotes and comments stays as it is. */

const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?\*\/|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|'(?:[^']|'')*'|"(?:[^"]|"")*"|[A-Za-z_][\w$]*|\s+|[\s\S]/g;
/** Begin a line of their own. */
const CLAUSE = new Set(
  'from where having limit offset union intersect except values returning set window for'.split(
    ' ',
  ),
);
/** The first word of a join; the words behind it stay beside it. */
const JOIN = new Set('join left right inner full cross natural'.split(' '));
const BEFORE_JOIN = new Set('left right inner full cross natural outer'.split(' '));

export function formatSql(sql: string): string {
  const tokens = (sql.trim().match(TOKEN) ?? []).map((text) => (/^\s+$/.test(text) ? ' ' : text));
  let out = '';
  let depth = 0;
  let last = '';
  const line = (indent: number) => {
    out = out.trimEnd();
    if (out !== '') out += `\n${'  '.repeat(indent)}`;
  };
  tokens.forEach((text, n) => {
    const word = text.toLowerCase();
    if (text === '(') depth++;
    if (text === ')') depth = Math.max(0, depth - 1);
    if (text === ' ') {
      if (!out.endsWith(' ') && !out.endsWith('\n')) out += ' ';
      return;
    }
    if (depth === 0) {
      const next = tokens[n + 1] === ' ' ? tokens[n + 2]?.toLowerCase() : undefined;
      if (CLAUSE.has(word) || ((word === 'group' || word === 'order') && next === 'by')) line(0);
      else if (JOIN.has(word) && !BEFORE_JOIN.has(last) && tokens[n + 1] === ' ') line(0);
      else if ((word === 'and' && last !== 'between') || word === 'or') line(1);
    }
    out += text;
    if (text.startsWith('--')) line(0);
    // `a BETWEEN 1 AND 2` is one condition.
    if (word === 'between') last = 'between';
    else if (word === 'and' || last !== 'between') last = word;
  });
  return out.trim();
}
