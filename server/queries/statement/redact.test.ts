import { describe, expect, test } from 'vitest';
import { describe as describeText } from './describe.ts';

describe('no value stays in a text that is kept', () => {
  test.each([
    `ALTER ROLE x PASSWORD 'secret'`,
    `CREATE USER x WITH PASSWORD 'secret' VALID UNTIL '2030-01-01'`,
    `SET app.key = 'secret'`,
    `SET LOCAL app.key TO secret`,
    `ALTER SYSTEM SET primary_conninfo = 'password=secret'`,
    `CREATE USER MAPPING FOR x SERVER s OPTIONS (password 'secret')`,
    `CREATE SUBSCRIPTION s CONNECTION 'password=secret' PUBLICATION p`,
    `COPY t FROM PROGRAM 'curl -u me:secret http://x'`,
    `NOTIFY a, 'secret'`,
    `COMMENT ON TABLE t IS 'secret'`,
    `PREPARE a AS SELECT 'secret'`,
    `EXECUTE a('secret')`,
    `DO $$ BEGIN PERFORM 'secret'; END $$`,
    `DO $body$ BEGIN PERFORM 'secret'; END $body$`,
    `CREATE TABLE t (a text DEFAULT 'secret')`,
    `CREATE INDEX ON t (a) WHERE b = 'secret'`,
    `CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'select ''secret'''`,
    `SELECT 1 /* secret */ -- and secret`,
    `SELECT /* a /* nested secret */ b */ 1`,
    `SELECT dblink('password=secret'), E'secret', U&'secret', $$secret$$, $x$secret$x$, 'a' 'secret'`,
    `SELECT 1; ALTER ROLE x PASSWORD 'secret'`,
    `SELECT 'ünïcode', 'secret' -- ü secret`,
    `SELECT 'not closed secret`,
    `this is no statement 'secret'`,
  ])('%s', (text) => {
    expect(describeText(text).normalized).not.toContain('secret');
  });
});

test('what is no value stays as it was', () => {
  const text = 'SELECT "größe", count(*) FROM "Räume" WHERE name = $1 AND note = $2 GROUP BY 1';
  expect(describeText(text).normalized).toBe(text);
  expect(describeText('SELECT \'ä\' AS "ö" /* ü */ FROM x').normalized).toBe(
    'SELECT $1 AS "ö"   FROM x',
  );
});
