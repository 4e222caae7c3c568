/** Reads predictions and labels one by one: a row, or why it is none. Pure. */
import { isPlainText, isStorable } from '../api/contract.ts';
import { MAX_FUTURE_MS, type Task } from './contract.ts';
import type { StoredFeature } from './features.ts';

export type RowShape = {
  task: Task;
  features: readonly StoredFeature[];
  /** Segments that are no features. */
  tags: readonly string[];
  keepMs: number;
};
export type PredictionRow = {
  id: string;
  at: number;
  version: string | null;
  /** By place. */
  numbers: (number | null)[];
  texts: (string | null)[];
  tags: Record<string, string> | null;
  prediction: string;
  score: number | null;
};
export type LabelRow = { id: string; at: number; label: string };
type No = { reason: string };

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;
const MAX_TEXT = 500;
/** What JSON has no number for. */
const special: Record<string, number | null> = {
  NaN: null,
  Infinity: Infinity,
  '-Infinity': -Infinity,
};

const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 60) ?? 'absent';

function object(item: unknown, fields: readonly string[], what: string): Map<string, unknown> | No {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    return { reason: `${what} is an object { ${fields.join(', ')} }; this is ${shown(item)}` };
  }
  const entries = new Map<string, unknown>(Object.entries(item));
  const unknown = [...entries.keys()].find((key) => !fields.includes(key));
  return unknown === undefined
    ? entries
    : { reason: `${unknown.slice(0, 60)}: no such field; accepted are ${fields.join(', ')}` };
}

function readId(value: unknown): { id: string } | No {
  const id = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof id === 'string' && id !== '' && id.length <= 200 && isStorable(id)) return { id };
  return { reason: `id: ${shown(value)} is no text of 1 to 200 characters` };
}

function readTime(value: unknown, now: number, keepMs: number): { at: number } | No {
  if (value === undefined || value === null) return { at: now };
  if (typeof value !== 'string' || !ISO.test(value) || Number.isNaN(Date.parse(value))) {
    return {
      reason: `at: ${shown(value)} is no ISO-8601 time with a zone, such as 2026-01-31T12:00:00Z`,
    };
  }
  const at = Date.parse(value);
  if (at > now + MAX_FUTURE_MS) {
    return { reason: `at: ${value} is ahead of the clock; accepted is up to 10 minutes` };
  }
  if (at < now - keepMs) {
    return {
      reason: `at: ${value} is older than predictions are kept (${Math.round(keepMs / 86_400_000)} days)`,
    };
  }
  return { at };
}

/** A class, or the number of a regression, as text. */
function readOutcome(field: string, value: unknown, task: Task): { outcome: string } | No {
  if (task === 'regression') {
    return typeof value === 'number' && Number.isFinite(value)
      ? { outcome: String(value) }
      : { reason: `${field}: ${shown(value)} is no finite number, which a regression needs` };
  }
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) {
    return { outcome: String(value) };
  }
  if (typeof value === 'string' && value !== '' && value.length <= 200 && isPlainText(value)) {
    return { outcome: value };
  }
  return {
    reason: `${field}: ${shown(value)} is no class: a text of 1 to 200 characters, a number, true or false`,
  };
}

const predictionFields = ['id', 'at', 'features', 'prediction', 'score', 'segment', 'version'];

export function readPrediction(item: unknown, shape: RowShape, now: number): PredictionRow | No {
  const entries = object(item, predictionFields, 'a prediction');
  if ('reason' in entries) return entries;
  const id = readId(entries.get('id'));
  if ('reason' in id) return id;
  const time = readTime(entries.get('at'), now, shape.keepMs);
  if ('reason' in time) return time;
  const values = readValues(entries.get('features'), shape.features);
  if ('reason' in values) return values;
  const outcome = readOutcome('prediction', entries.get('prediction'), shape.task);
  if ('reason' in outcome) return outcome;
  const score = entries.get('score') ?? null;
  if (score !== null) {
    if (shape.task === 'regression') return { reason: 'score: a regression has none' };
    if (typeof score !== 'number' || !(score >= 0 && score <= 1)) {
      return { reason: `score: ${shown(score)} is no probability; accepted is 0 to 1` };
    }
  }
  const tags = readTags(entries.get('segment'), shape.tags);
  if (tags !== null && 'reason' in tags) return tags;
  const version = entries.get('version') ?? null;
  if (
    version !== null &&
    !(
      typeof version === 'string' &&
      version !== '' &&
      version.length <= 100 &&
      isPlainText(version)
    )
  ) {
    return { reason: `version: ${shown(version)} is no text of 1 to 100 characters` };
  }
  return {
    id: id.id,
    at: time.at,
    version,
    ...values,
    tags: tags?.tags ?? null,
    prediction: outcome.outcome,
    score,
  };
}

/** Absent features are missing values; names that the schema does not have are mistakes. */
function readValues(
  given: unknown,
  features: readonly StoredFeature[],
): Pick<PredictionRow, 'numbers' | 'texts'> | No {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return { reason: `features: ${shown(given)} is no object of values by name` };
  }
  const numbers: (number | null)[] = [];
  const texts: (string | null)[] = [];
  const values = new Map<string, unknown>(Object.entries(given));
  for (const { name, kind, place, gone } of features) {
    const list: (number | string | null)[] = kind === 'numeric' ? numbers : texts;
    while (list.length <= place) list.push(null);
    if (gone) continue;
    const value = values.get(name) ?? null;
    values.delete(name);
    if (value === null) continue;
    if (kind === 'numeric') {
      if (typeof value === 'number') numbers[place] = value;
      else if (typeof value === 'string' && value in special)
        numbers[place] = special[value] ?? null;
      else {
        return {
          reason: `features.${name}: ${shown(value)} is no number; accepted are numbers, null, "NaN", "Infinity" and "-Infinity"`,
        };
      }
      continue;
    }
    const text = typeof value === 'boolean' || typeof value === 'number' ? String(value) : value;
    if (typeof text !== 'string' || text.length > MAX_TEXT || !isStorable(text)) {
      return {
        reason: `features.${name}: ${shown(value)} is no category; accepted are texts of at most ${MAX_TEXT} characters without control characters, numbers, true, false and null`,
      };
    }
    texts[place] = text;
  }
  const [extra] = values.keys();
  if (extra !== undefined) {
    const known = features.filter(({ gone }) => !gone).map(({ name }) => name);
    return {
      reason: `features.${extra.slice(0, 60)}: the model has no such feature; it has ${known.slice(0, 10).join(', ')}${known.length > 10 ? ' …' : ''}`,
    };
  }
  return { numbers, texts };
}

function readTags(
  given: unknown,
  names: readonly string[],
): { tags: Record<string, string> } | No | null {
  if (given === undefined || given === null) return null;
  const [only] = names;
  if (typeof given === 'string' && names.length === 1 && only !== undefined) {
    return readTags({ [only]: given }, names);
  }
  if (typeof given !== 'object' || Array.isArray(given)) {
    return { reason: `segment: ${shown(given)} is no object of texts by name` };
  }
  const tags: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (!names.includes(name)) {
      return {
        reason: `segment.${name.slice(0, 60)}: the model has no such segment; it has ${names.join(', ') || 'none'}`,
      };
    }
    if (typeof value !== 'string' || value === '' || value.length > 200 || !isPlainText(value)) {
      return { reason: `segment.${name}: ${shown(value)} is no text of 1 to 200 characters` };
    }
    tags[name] = value;
  }
  return { tags };
}

export function readLabel(
  item: unknown,
  shape: Pick<RowShape, 'task' | 'keepMs'>,
  now: number,
): LabelRow | No {
  const entries = object(item, ['id', 'label', 'at'], 'a label');
  if ('reason' in entries) return entries;
  const id = readId(entries.get('id'));
  if ('reason' in id) return id;
  const time = readTime(entries.get('at'), now, shape.keepMs);
  if ('reason' in time) return time;
  const outcome = readOutcome('label', entries.get('label'), shape.task);
  if ('reason' in outcome) return outcome;
  return { id: id.id, at: time.at, label: outcome.outcome };
}

/** A range of slots is a fair sample of ids: FNV-1a with a final mix, to 15 bits. */
export function slotOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) {
    hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) & 0x7fff;
}
