import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readAlert, severityFrom } from './alert.ts';

const digest = (text: string) => createHash('sha256').update(text).digest('hex');
const read = (raw: unknown) => readAlert(raw, digest);
const alertOf = (raw: unknown) => {
  const result = read(raw);
  if (!('alert' in result)) throw new Error(result.reason);
  return result.alert;
};
const full = {
  status: 'firing',
  labels: { alertname: 'HighLatency', severity: 'page', instance: 'a:1' },
  annotations: { summary: 'Slow\nanswers', description: 'p95 is 2 s' },
  startsAt: '2026-03-02T08:00:00.123456789Z',
  endsAt: '0001-01-01T00:00:00Z',
  generatorURL: 'http://prometheus:9090/graph?g0.expr=up',
  fingerprint: 'c0ffee00c0ffee00',
  extra: { ignored: true },
};

test('an alert as Alertmanager sends it', () => {
  expect(alertOf(full)).toMatchObject({
    key: 'alert:c0ffee00c0ffee00',
    title: 'Slow answers',
    severity: 'critical',
    detail: 'HighLatency: p95 is 2 s',
    startsAt: new Date('2026-03-02T08:00:00.123Z'),
    endsAt: null,
  });
  expect(alertOf(full).facts).toEqual([
    { label: 'alertname', value: 'HighLatency' },
    { label: 'instance', value: 'a:1' },
    { label: 'severity', value: 'page' },
    { label: 'summary', value: 'Slow answers' },
    { label: 'description', value: 'p95 is 2 s' },
    { label: 'Source', value: 'http://prometheus:9090/graph?g0.expr=up' },
  ]);
});

test('what is missing has a sensible stand-in', () => {
  const { fingerprint: _, ...bare } = full;
  const a = alertOf({ ...bare, annotations: null });
  expect(a).toMatchObject({ title: 'HighLatency', detail: 'HighLatency: The alert is firing.' });
  const reordered = Object.fromEntries(Object.entries(full.labels).reverse());
  expect(alertOf({ ...bare, labels: reordered }).key).toBe(a.key);
  expect(alertOf({ ...bare, labels: { ...full.labels, x: 'y' } }).key).not.toBe(a.key);
  expect(alertOf({ status: 'firing', labels: { a: 'b' } }).title).toMatch(/^Alert [0-9a-f]+$/);
  // A link that a browser would run is no link.
  expect(JSON.stringify(alertOf({ ...full, generatorURL: 'javascript:alert(1)' }))).not.toMatch(
    /javascript/,
  );
});

test('the mark follows what is said, not when', () => {
  const { mark } = alertOf(full);
  expect(alertOf({ ...full, startsAt: '2026-03-03T00:00:00Z' }).mark).toBe(mark);
  expect(alertOf({ ...full, annotations: { summary: 'other' } }).mark).not.toBe(mark);
});

test.each([
  [{ ...full, status: 'pending' }, 'status: firing or resolved'],
  [{ ...full, labels: {} }, 'labels: At least one label'],
  [{ ...full, labels: { a: 1 } }, /^labels\.a: /],
  [{ ...full, startsAt: 'yesterday' }, 'startsAt: not a time'],
  [{ ...full, endsAt: '2026-99-99' }, 'endsAt: not a time'],
  [null, /./],
  ['text', /./],
])('%j is refused with a reason', (raw, reason) => {
  expect(read(raw)).toMatchObject({ reason: expect.stringMatching(reason) });
});

test.each([
  ['critical', 'critical'],
  [' Page ', 'critical'],
  ['error', 'error'],
  ['warning', 'warning'],
  ['none', 'info'],
  ['constructor', 'error'],
  [undefined, 'error'],
])('severity %s is %s', (word, severity) => expect(severityFrom(word)).toBe(severity));

describe('anything at all', () => {
  test('is read or refused, in bounded plain text', () => {
    const text = fc.string({ unit: 'binary', maxLength: 3_000 });
    const anything = fc.oneof(
      fc.anything(),
      fc.record({
        status: fc.constantFrom('firing', 'resolved'),
        labels: fc.dictionary(text, text, { maxKeys: 100 }),
        annotations: fc.dictionary(text, text, { maxKeys: 100 }),
        startsAt: fc.oneof(text, fc.date({ noInvalidDate: true }).map(String)),
        fingerprint: text,
      }),
    );
    fc.assert(
      fc.property(anything, (raw) => {
        const result = read(raw);
        if ('reason' in result) {
          expect(result.reason.length).toBeLessThanOrEqual(300);
          return;
        }
        const { title, detail, facts, key } = result.alert;
        expect(title.length).toBeLessThanOrEqual(220);
        expect(detail.length).toBeLessThanOrEqual(2_300);
        expect(facts.length).toBeLessThanOrEqual(80);
        for (const said of [title, detail, key, ...facts.flatMap((f) => [f.label, f.value])]) {
          expect(said).not.toMatch(/[\p{Cc}\p{Cs}]/u);
        }
      }),
      { numRuns: 300 },
    );
  });
});
