/** What was understood of a file, and which of its columns are features of the model. Pure. */
import type { FeatureKind } from '../contract.ts';
import type { FileLook } from '../intake/compute.ts';
import type { ColumnLook } from '../intake/look.ts';
import type { DialectHints } from '../intake/sniff.ts';
import type { PreviewColumn, UploadPreview } from './contract.ts';

type Hints = { [Key in keyof DialectHints]?: DialectHints[Key] | undefined };
export const hintsOf = ({ delimiter, decimal, header }: Hints): DialectHints => ({
  ...(delimiter === undefined ? {} : { delimiter }),
  ...(decimal === undefined ? {} : { decimal }),
  ...(header === undefined ? {} : { header }),
});

type Feature = { name: string; kind: FeatureKind };
const plainName = (name: string): string => name.toLowerCase().replace(/[\s_-]+/g, '');

export function previewOf(look: FileLook, features: readonly Feature[]): UploadPreview {
  if ('fault' in look) return { ok: false, fault: look.fault };
  const { dialect } = look;
  const taken = new Set<string>();
  const featureOf = (column: ColumnLook): Feature | null => {
    const found =
      features.find(({ name }) => name === column.name && !taken.has(name)) ??
      features.find(({ name }) => plainName(name) === plainName(column.name) && !taken.has(name));
    if (found) taken.add(found.name);
    return found ?? null;
  };
  const columns = look.columns.map((column): PreviewColumn => {
    const feature = featureOf(column);
    return {
      ...column,
      feature: feature?.name ?? null,
      problem: feature && problemOf(column, feature.kind),
    };
  });
  const absent = features.filter(({ name }) => !taken.has(name)).map(({ name }) => name);
  const problems: string[] = [];
  if (look.ragged > 0)
    problems.push(`${look.ragged} rows have another number of cells than the first row.`);
  if (absent.length > 0) {
    problems.push(
      `No column is named ${absent.slice(0, 5).join(', ')}${absent.length > 5 ? ' …' : ''}; without one a feature has no reference.`,
    );
  }
  if (!dialect.header && dialect.format === 'csv') {
    problems.push('The first row seems to be data; columns are numbered.');
  }
  const times = columns.filter(({ type, feature }) => type === 'time' && feature === null);
  return {
    ok: true,
    format: dialect.format,
    encoding: dialect.encoding,
    bom: dialect.bom,
    delimiter: dialect.delimiter,
    decimal: dialect.decimal,
    header: dialect.header,
    quoted: look.quoted,
    rows: look.rows,
    rowsExact: look.rowsExact,
    columns,
    sample: look.sample,
    absent,
    timeColumn: times[0]?.name ?? null,
    problems,
  };
}

function problemOf(column: ColumnLook, kind: FeatureKind): string | null {
  if (column.type === 'empty') return 'All of its values are missing.';
  if (kind === 'numeric' && column.type === 'mixed') {
    return `${column.notNumeric} values are no numbers; they count as missing.`;
  }
  if (kind === 'numeric' && column.type !== 'numeric')
    return 'The feature is numeric; these are texts.';
  return null;
}
