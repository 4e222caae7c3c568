/**
 * Every decision leaves a trace without a write of its own: counted in memory, written each ten seconds as samples of the
 * metric `policy_decisions` and as one row for what is alike. Denials are kept one by one, those of a second that are alike
 * together. All of it is bounded; what does not fit is counted.
 */
import { createHash } from 'node:crypto';
import type { MetricStore, Sample } from '../metrics/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { newId } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Judged, Situation, Subject } from './judge.ts';

export const METRIC = 'policy_decisions';
const FLUSH_EVERY_MS = 10_000;
const DENIALS_EVERY_MS = 1_000;
/** Different decisions between two writings. */
const MAX_PENDING = 5_000;
/** Different denials between two writings. */
const MAX_DENIALS = 500;
/** Sets of labels that this process may bring into the metric store. */
const MAX_SERIES = 1_000;
const ROWS_OF_A_WRITE = 1_000;
const KEEP_DAYS = 30;
const KEEP_DENIALS = 100_000;
const KEEP_DECISIONS = 20_000;

type Counted = {
  subject: Subject;
  tool: string;
  situation: Situation;
  judged: Judged;
  count: number;
  first: Date;
  last: Date;
};
export type Decisions = {
  note(
    subject: Subject,
    tool: string,
    situation: Situation,
    judged: Judged,
    more: { kind: 'query' | 'mutation' | 'asked'; askedBy: string | null },
  ): void;
  /** Writes what waits. */
  flush(): Promise<void>;
  /** Takes away what is past its time or too much. */
  purge(): Promise<number>;
  close(): Promise<void>;
};

export function createDecisions(deps: {
  db: Db;
  clock: Clock;
  log: Log;
  metricStore: Pick<MetricStore, 'write'>;
  onDecision(outcome: 'allowed' | 'denied'): void;
}): Decisions {
  const { db, clock, log, metricStore } = deps;
  let pending = new Map<string, Counted>();
  let denials = new Map<string, Counted & { askedBy: string | null }>();
  let lost = 0;
  const series = new Set<string>();
  const samples = new Map<string, { labels: Record<string, string>; value: number }>();

  const count = (labels: Record<string, string>) => {
    let key = JSON.stringify(labels);
    let shown = labels;
    if (!series.has(key)) {
      if (series.size >= MAX_SERIES) {
        shown = {
          subject: 'others',
          tool: 'others',
          scope: '*',
          outcome: labels.outcome ?? '',
          rule: 'others',
        };
        key = JSON.stringify(shown);
      }
      series.add(key);
    }
    const known = samples.get(key);
    if (known) known.value++;
    else samples.set(key, { labels: shown, value: 1 });
  };

  const writeSamples = async () => {
    if (samples.size === 0) return;
    const at = clock.now().getTime();
    const taken = [...samples.values()];
    samples.clear();
    const written = taken.map(
      ({ labels, value }): Sample => ({ metric: METRIC, labels, at, value }),
    );
    try {
      await metricStore.write(written, 'console');
    } catch (err) {
      // Back to the others, for the next time; the number of different ones is bounded.
      for (const { labels, value } of taken) {
        const key = JSON.stringify(labels);
        const known = samples.get(key);
        if (known) known.value += value;
        else samples.set(key, { labels, value });
      }
      throw err;
    }
  };
  const writeRows = async () => {
    const rows = [...pending.values()];
    pending = new Map();
    for (let from = 0; from < rows.length; from += ROWS_OF_A_WRITE) {
      const part = rows.slice(from, from + ROWS_OF_A_WRITE).map((row) => ({
        key: `\\x${keyOf(row)}`,
        subject: row.subject.subject,
        subject_name: row.subject.label,
        subjects: row.subject.names,
        tool: row.tool,
        scope: row.situation.scope,
        allowed: row.judged.allowed,
        by: row.judged.by,
        rule_id: row.judged.ruleId,
        address: row.situation.address,
        environment: row.situation.environment,
        count: row.count,
        first_at: row.first.toISOString(),
        last_at: row.last.toISOString(),
      }));
      try {
        await db.pool.query(
          `INSERT INTO policy_decisions AS d (key, subject, subject_name, subjects, tool, scope, allowed, by, rule_id,
                                              address, environment, count, first_at, last_at)
           SELECT key::bytea, subject, subject_name, subjects, tool, scope, allowed, by, rule_id, address, environment,
                  count, first_at, last_at
           FROM jsonb_to_recordset($1::jsonb) AS r(key text, subject text, subject_name text, subjects text[], tool text,
                  scope text, allowed boolean, by text, rule_id uuid, address text, environment text, count bigint,
                  first_at timestamptz, last_at timestamptz)
           -- In one order, so that two replicas that write at once do not wait for each other in a circle.
           ORDER BY 1
           ON CONFLICT (key) DO UPDATE SET count = d.count + excluded.count,
             last_at = greatest(d.last_at, excluded.last_at), address = excluded.address,
             subject_name = excluded.subject_name, subjects = excluded.subjects`,
          [JSON.stringify(part)],
        );
      } catch (err) {
        for (const row of rows.slice(from)) {
          const key = alike(row);
          if (pending.size < MAX_PENDING || pending.has(key)) merge(pending, key, row);
        }
        throw err;
      }
    }
  };
  const writeDenials = async () => {
    if (denials.size === 0) return;
    const rows = denials;
    denials = new Map();
    try {
      await db.prisma.policyDenial.createMany({
        data: [...rows.values()].map((row) => ({
          id: newId(row.last),
          at: row.last,
          subject: row.subject.subject,
          subjectName: row.subject.label,
          tool: row.tool,
          scope: row.situation.scope,
          by: row.judged.by,
          ruleId: row.judged.ruleId,
          ruleName: row.judged.ruleName,
          reason: row.judged.reason,
          detail: row.judged.detail,
          address: row.situation.address,
          environment: row.situation.environment,
          askedBy: row.askedBy,
          count: row.count,
        })),
      });
    } catch (err) {
      for (const [key, row] of denials) merge(rows, key, row);
      denials = rows;
      throw err;
    }
    if (lost > 0) log.warn({ lost }, 'denials were too many to keep each');
    lost = 0;
  };
  /** One writing at a time; whoever asks meanwhile waits for one that has begun after. */
  let writing: Promise<unknown> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const turn = writing.then(work);
    writing = turn.catch(() => undefined);
    return turn;
  };
  const quietly = (work: () => Promise<void>) => () => {
    if (!db.status().up) return;
    inTurn(work).catch((err) => log.warn({ err }, 'policy decisions wait to be written'));
  };
  const flush = async () => {
    await inTurn(async () => {
      await writeDenials();
      await writeRows();
      await writeSamples();
    });
  };
  const timers = [
    setInterval(
      quietly(async () => {
        await writeRows();
        await writeSamples();
      }),
      FLUSH_EVERY_MS,
    ),
    setInterval(quietly(writeDenials), DENIALS_EVERY_MS),
  ];
  for (const timer of timers) timer.unref();

  return {
    note(subject, tool, situation, judged, { kind, askedBy }) {
      const now = clock.now();
      const outcome = judged.allowed ? 'allowed' : 'denied';
      deps.onDecision(outcome);
      const entry: Counted = { subject, tool, situation, judged, count: 1, first: now, last: now };
      const key = alike(entry);
      if (pending.size < MAX_PENDING || pending.has(key)) merge(pending, key, entry);
      // What people read because their role lets them is most of it, and says nothing by its subject.
      const plain = judged.allowed && judged.ruleId === null && subject.person && kind === 'query';
      count(
        plain
          ? { subject: 'people', tool: 'reads', scope: '*', outcome, rule: 'default' }
          : {
              subject: subject.subject,
              tool,
              scope: situation.scope,
              outcome,
              rule: judged.ruleName ?? judged.by,
            },
      );
      if (judged.allowed) return;
      const place = `${key}\0${situation.address}\0${askedBy}`;
      const known = denials.get(place);
      if (known || denials.size < MAX_DENIALS) merge(denials, place, { ...entry, askedBy });
      else lost++;
    },
    flush,
    async purge() {
      const before = new Date(clock.now().getTime() - KEEP_DAYS * 86_400_000);
      const old = await db.pool.query(
        `DELETE FROM policy_denials WHERE at < $1
            OR id IN (SELECT id FROM policy_denials ORDER BY at DESC, id DESC OFFSET $2)`,
        [before, KEEP_DENIALS],
      );
      const alike = await db.pool.query(
        `DELETE FROM policy_decisions WHERE last_at < $1
            OR key IN (SELECT key FROM policy_decisions ORDER BY last_at DESC OFFSET $2)`,
        [before, KEEP_DECISIONS],
      );
      return (old.rowCount ?? 0) + (alike.rowCount ?? 0);
    },
    async close() {
      for (const timer of timers) clearInterval(timer);
      await flush().catch((err) => log.warn({ err }, 'policy decisions were not written'));
    },
  };
}

function merge<T extends Counted>(into: Map<string, T>, key: string, entry: T): void {
  const known = into.get(key);
  if (!known) {
    into.set(key, entry);
    return;
  }
  known.count += entry.count;
  if (entry.last > known.last) {
    known.last = entry.last;
    known.situation = entry.situation;
  }
}

/** Equal for decisions that are counted together. */
function alike({ subject, tool, situation, judged }: Counted): string {
  return `${subject.subject}\0${tool}\0${situation.scope}\0${judged.allowed}\0${judged.ruleId ?? judged.by}`;
}

const keyOf = (row: Counted): string => createHash('sha256').update(alike(row)).digest('hex');
