/** Which column of a file is which feature: what was guessed, what the operator chose, and what is wrong with it. Pure. */
import {
  columnProblem,
  type PreviewColumn,
  type UploadPreview,
} from '../../server/drift/contract.ts';

export type Understood = Extract<UploadPreview, { ok: true }>;
/** By feature; the empty text stands for a feature that is not in the file. */
export type Chosen = ReadonlyMap<string, string>;
export type MappedFeature = {
  name: string;
  kind: 'numeric' | 'categorical';
  /** Empty: not in the file. */
  column: string;
  look: PreviewColumn | null;
  /** The file cannot be taken so. */
  fault: string | null;
  /** It can, but not without loss. */
  warning: string | null;
};

/** Choices of columns that are there; where nothing was chosen, the guess. A file read anew may have other columns. */
export function mapFeatures(preview: Understood, chosen: Chosen): MappedFeature[] {
  const looks = new Map(preview.columns.map((column) => [column.name, column]));
  const usedBy = new Map<string, string>();
  return preview.features.map(({ name, kind, column: guess }) => {
    const column = chosen.get(name) ?? guess ?? '';
    const look = looks.get(column) ?? null;
    const other = usedBy.get(column);
    if (column !== '' && other === undefined) usedBy.set(column, name);
    return {
      name,
      kind,
      column,
      look,
      fault:
        column !== '' && !look
          ? `The file has no column ${column}.`
          : column !== '' && other !== undefined
            ? `${column} is the column of ${other} already.`
            : null,
      warning: look && columnProblem(look, kind),
    };
  });
}

/** What `confirm` is told. */
export const wireOf = (features: readonly MappedFeature[]): Record<string, string> =>
  Object.fromEntries(
    features.flatMap(({ name, column }) => (column === '' ? [] : [[name, column]])),
  );

/** What keeps the file from becoming a reference as a whole; faults of single features stand at them. */
export function faultOf(features: readonly MappedFeature[]): string | null {
  if (features.every(({ column }) => column === '')) {
    return 'Choose the column of at least one feature.';
  }
  return null;
}
