/** Partitions of tables by range: made when a row needs them, dropped whole when they are too old. */
import type pg from 'pg';

export type Partition = { table: string; name: string; from: string | number; to: string | number };
export type Partitions = {
  /** Makes a partition unless it is there. Bounds are numbers or times as PostgreSQL reads them. */
  ensure(partition: Partition): Promise<void>;
  /** The partitions that there are of some tables. */
  of(tables: readonly string[]): Promise<{ table: string; name: string }[]>;
  drop(name: string): Promise<void>;
};

export function createPartitions(pool: pg.Pool): Partitions {
  const made = new Set<string>();
  const bound = (value: string | number) => (typeof value === 'number' ? value : `'${value}'`);
  return {
    async ensure({ table, name, from, to }) {
      if (made.has(name)) return;
      await pool
        .query(
          `CREATE TABLE IF NOT EXISTS ${name} PARTITION OF ${table} FOR VALUES FROM (${bound(from)}) TO (${bound(to)})`,
        )
        .catch((error) => {
          // Another replica made it at the same moment.
          if (!/already exists|would overlap/.test(String(error))) throw error;
        });
      made.add(name);
    },
    async of(tables) {
      const { rows } = await pool.query<{ table: string; name: string }>(
        `SELECT p.relname AS table, c.relname AS name FROM pg_inherits i
         JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
         WHERE p.relname = ANY($1)`,
        [tables],
      );
      return rows;
    },
    async drop(name) {
      await pool.query(`DROP TABLE IF EXISTS ${name}`);
      made.delete(name);
    },
  };
}
