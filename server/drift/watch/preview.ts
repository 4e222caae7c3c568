/** What was understood of a file, and which of its columns are features of the model. Pure. */
import type { FeatureKind } from '../contract.ts';
import type { FileLook } from '../intake/compute.ts';
import type { DialectHints } from '../intake/sniff.ts';
import { columnProblem, type PreviewColumn, type UploadPreview } from './contract.ts';

type Hints = { [Key in keyof DialectHints]?: DialectHints[Key] | undefined };
export const hintsOf = ({ delimiter, decimal, header }: Hints): DialectHints => ({
  ...(delimiter === undefined ? {} : { delimiter }),
  ...(decimal === undefined ? {} : { decimal }),
  ...(header === undefined ? {} : { header }),
});

type Feature = { name: string; kind: FeatureKind };
/** Without regard to case and to what separates words. */
const plainName = (name: string): string =>
  name.toLowerCase().replace(/[\s\p{Pc}\p{Pd}./:]+/gu, '');

/** The column of each feature: the one of the same name, else one whose name is the same but for case and separators. */
function guess(
  columns: readonly { name: string }[],
  features: readonly Feature[],
): Map<string, string> {
  const columnOf = new Map<string, string>();
  const taken = new Set<string>();
  const match = (keyOf: (name: string) => string) => {
    const free = columns.flatMap(({ name }) =>
      taken.has(name) ? [] : [{ name, key: keyOf(name) }],
    );
    for (const { name: feature } of features) {
      const key = keyOf(feature);
      if (columnOf.has(feature) || key === '') continue;
      const found = free.find((column) => column.key === key && !taken.has(column.name));
      if (!found) continue;
      columnOf.set(feature, found.name);
      taken.add(found.name);
    }
  };
  match((name) => name);
  match(plainName);
  return columnOf;
}

export function previewOf(look: FileLook, features: readonly Feature[]): UploadPreview {
  if ('fault' in look) return { ok: false, fault: look.fault };
  const { dialect } = look;
  const columnOf = guess(look.columns, features);
  const columns = look.columns.map((column): PreviewColumn => {
    const feature = features.find(({ name }) => columnOf.get(name) === column.name);
    return {
      ...column,
      feature: feature?.name ?? null,
      problem: feature ? columnProblem(column, feature.kind) : null,
    };
  });
  const absent = features.filter(({ name }) => !columnOf.has(name)).map(({ name }) => name);
  const problems: string[] = [];
  if (look.ragged > 0)
    problems.push(`${look.ragged} rows have another number of cells than the first row.`);
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
    features: features.map(({ name, kind }) => ({
      name,
      kind,
      column: columnOf.get(name) ?? null,
    })),
    sample: look.sample,
    absent,
    timeColumn: times[0]?.name ?? null,
    problems,
  };
}

type Understood = Extract<UploadPreview, { ok: true }>;
type Refused = { path: string; message: string };
/** The column of each feature that has one, as it was asked for, or as it was guessed where nothing was. */
export function chooseColumns<F extends Feature>(
  { columns, features }: Understood,
  model: readonly F[],
  asked: Readonly<Record<string, string>> | undefined,
): { chosen: (F & { column: string })[] } | Refused {
  const wanted = new Map(
    asked
      ? Object.entries(asked)
      : features.flatMap(({ name, column }) => (column === null ? [] : [[name, column]])),
  );
  const names = new Set(columns.map(({ name }) => name));
  const usedBy = new Map<string, string>();
  for (const [feature, column] of wanted) {
    const path = `columns.${feature}`;
    if (!model.some(({ name }) => name === feature)) {
      return { path, message: `The model has no feature ${feature}` };
    }
    if (!names.has(column)) return { path, message: `The file has no column ${column}` };
    const other = usedBy.get(column);
    if (other !== undefined)
      return { path, message: `${column} is the column of ${other} already` };
    usedBy.set(column, feature);
  }
  if (wanted.size === 0) {
    return { path: 'columns', message: 'No column of the file is a feature of the model' };
  }
  return {
    chosen: model.flatMap((feature) => {
      const column = wanted.get(feature.name);
      return column === undefined ? [] : [{ ...feature, column }];
    }),
  };
}
